// A stolen node key at work, on a thread of its own so that nobody's clock here is slowed by it: does what it is
// told for so long and says how much of it was taken.
import { parentPort, workerData } from 'node:worker_threads'
import { wait } from '../panel.mjs'
import { keyOf, Line } from './nats.mjs'
import { answer, message, read, request, ulid } from './wire.mjs'

const { node, url, jwt, seed, victim } = workerData
const boot = ulid()
const ledger = ulid()
/** No answer within it: the asker goes on, as an agent does. */
const PATIENCE_MS = 10000
/** No more than so much waits in this process: what is measured is control, not our memory. */
const BACKLOG = 16 << 20
const FACTS = 1000
/** An envelope and what stands around a fact take less than what is left of NATS' 1 MiB. */
const BIG = (1 << 20) - 1024

class Node {
  static async open() {
    const own = new Node()
    own.waiting = new Map()
    own.count = 0
    own.inbox = `_INB.${node}.h`
    await new Promise((done) => {
      const onGreeted = () => done(own.line.subscribe(`${own.inbox}.*`))
      own.line = new Line(new URL(url), { jwt, key: keyOf(seed), onGreeted, onMessage: (subject, body) => own.heard(subject, body) })
    })
    return own
  }

  heard(subject, body) {
    const done = this.waiting.get(subject)
    this.waiting.delete(subject)
    done?.(body.length ? answer(body) : { code: 'nobody' })
  }

  /** Never fails: no answer is one, too. */
  ask(words, body) {
    this.count += 1
    const reply = `${this.inbox}.${this.count}`
    return new Promise((done) => {
      const timer = setTimeout(() => this.waiting.delete(reply) && done({ code: 'no_answer' }), PATIENCE_MS)
      this.waiting.set(reply, (heard) => done(heard, clearTimeout(timer)))
      this.line.publish(`node.${node}.${words}`, reply, request(words.split('.').at(-1), node, body))
    })
  }

  hello({ rev = 0, journal = [] } = {}) {
    const position = message([1, ledger], [2, rev])
    return this.ask('ask.hello', message([1, boot], [2, boot], [3, position], [6, message([1, 'flood'])], [7, journal]))
  }

  beat(rev) {
    return this.ask('heartbeat', message([1, boot], [2, message([1, ledger], [2, rev])]))
  }

  upload(facts) {
    return this.ask('lifecycle', message([1, boot], [2, facts], [3, boot]))
  }
}

const own = await Node.open()
/** Else it would be taken for away while it floods. */
setInterval(() => own.beat(0), 5000)
/** The next fact that control expects. */
let next = 1

const numbered = (seq, ...what) => message([1, seq], [2, Date.now()], ...what)
/** Half about a server of another node, half about this one, which are taken and make an event each. */
const small = (seq) => (seq % 2 ? numbered(seq, [3, victim], [4, 1], [11, message([1, 5], [2, 3], [3, 'asked'])]) : numbered(seq, [22, message([1, 1 + (seq % 65535)])]))
const big = (seq) => numbered(seq, [3, victim], [11, message([1, 5], [2, 3], [3, 'asked'], [4, 'x'.repeat(BIG - 200)])])

/** How what was said was answered. */
class Tally {
  answers = {}

  add({ ok, code }) {
    const word = ok ? 'ok' : code
    this.answers[word] = (this.answers[word] ?? 0) + 1
  }
}

/** Uploads of `count` facts, so many facts a second, each batch behind the last whether that is answered or not. */
async function upload(ms, make, count, perSecond) {
  const tally = new Tally()
  const first = next
  const ends = Date.now() + ms
  const open = new Set()
  let at = next
  let offered = 0
  for (let due = Date.now(); Date.now() < ends; due += (count / perSecond) * 1000) {
    await wait(Math.max(0, due - Date.now()))
    if (own.line.socket.writableLength > BACKLOG) continue
    const from = at
    at += count
    offered += count
    const one = own.upload(Array.from({ length: count }, (_, n) => make(from + n))).then((heard) => {
      open.delete(one)
      tally.add(heard)
      if (heard.ok?.[1]) next = Math.max(next, read(heard.ok[1])[2] ?? 0)
      // It was not taken up to its end: everything behind it is in vain.
      if (next < from + count) at = next
    })
    open.add(one)
  }
  await Promise.all(open)
  return { offered, taken: next - first, answers: tally.answers }
}

/** `each` so often a second, answered or not. */
async function storm(ms, perSecond, each) {
  const tally = new Tally()
  const ends = Date.now() + ms
  const open = new Set()
  let offered = 0
  for (let due = Date.now(); Date.now() < ends; due += 1000 / perSecond) {
    await wait(Math.max(0, due - Date.now()))
    if (own.line.socket.writableLength > BACKLOG) continue
    const one = each(offered).then((heard) => {
      open.delete(one)
      tally.add(heard)
    })
    offered += 1
    open.add(one)
  }
  await Promise.all(open)
  return { offered, taken: tally.answers.ok ?? 0, answers: tally.answers }
}

/** Far ahead, far behind, and what is far ahead of that. */
const REVS = [2 ** 40, 0, 2 ** 47, 1, 2 ** 48 - 1]
/** Facts of this boot that were never said, and others of boots that never were. */
const journal = (n) => [message([1, boot], [2, n % 2 ? 2 ** 40 + n : 1], [3, n % 3 ? 2 ** 41 : 2]), message([1, ulid()], [2, 2 ** 32], [3, 2 ** 33])]

const deeds = {
  hello: ({ rev }) => own.hello({ rev }),
  facts: ({ ms, perSecond }) => upload(ms, small, FACTS, perSecond),
  big: ({ ms, perSecond }) => upload(ms, big, 1, perSecond),
  lies: ({ ms, perSecond }) => storm(ms, perSecond, (n) => (n % 4 ? own.beat(REVS[n % REVS.length]) : own.hello({ rev: REVS[n % REVS.length], journal: journal(n) }))),
}

parentPort.on('message', async ({ deed, ...how }) => parentPort.postMessage({ ...(await deeds[deed](how)), line: own.line.last }))
