// Two hundred people who log in at once: what everybody else notices, and how much memory it takes. A password costs 19 MiB
// and tens of milliseconds to check, so a flood of them must neither fill the memory nor starve the rest. The people are a
// process of their own: what one that reads pages would wait for in a process that opens 200 sockets is not the panel's.
//   ops/bench logins [--people 200] [--rounds 5] [--seconds 6]
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { parseArgs } from 'node:util'
import { check, Instance, wait } from '../e2e/panel.mjs'
import { at, median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, crowd: { type: 'string' }, people: { type: 'string', default: '200' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '6' } },
})
const [people, rounds, seconds] = ['people', 'rounds', 'seconds'].map((name) => Number(options[name]))
const OWN = 'a phrase of many words'
const READERS = 4

// Everybody from an address of their own on loopback: the limits of one network are not what is measured.
const home = (i) => `127.0.${3 + Math.floor(i / 250)}.${1 + (i % 250)}`
const url = new URL(options.crowd ?? new Instance(options.data).ready.url)
check(url.protocol === 'http:', 'the instance speaks plain HTTP')

const readers = Array.from({ length: READERS }, (_, i) => new Agent({ keepAlive: true, maxSockets: 1, localAddress: `127.0.2.${i + 1}` }))

function ask(options, body) {
  return new Promise((done, fail) => {
    const payload = body && JSON.stringify(body)
    const headers = { host: url.host, accept: 'application/json', ...options.headers }
    if (payload) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) })
    request({ host: '127.0.0.1', port: url.port, ...options, headers }, (answer) => {
      answer.resume()
      answer.on('end', () => done({ status: answer.statusCode, after: Number(answer.headers['retry-after'] ?? 1) }))
      answer.on('error', fail)
    })
      .on('error', fail)
      .end(payload)
  })
}

const counted = { logins: 0, busy: 0 }
async function logIn(i, until) {
  while (performance.now() < until) {
    const { status, after } = await ask({ method: 'POST', path: '/api/v1/session', localAddress: home(i), agent: false }, { login: `bench${i}`, password: OWN })
    if (status === 200) return void counted.logins++
    check(status === 429, `a log-in is answered 200 or 429, not ${status}`)
    counted.busy++
    await wait(after * 1000 * (1 + Math.random()))
  }
}

// The process of the people: they begin at a word, and it tells what became of them.
if (options.crowd) {
  process.on('message', async () => {
    const until = performance.now() + seconds * 1000
    await Promise.all(Array.from({ length: people }, (_, i) => logIn(i, until)))
    process.send(counted, () => process.exit(0))
  })
  process.send('ready')
  await new Promise(() => {})
}

const instance = new Instance(options.data)
const panel = await instance.panel('bench')
for (let i = 0; i < people; i++) {
  await panel.post('/users', { username: `bench${i}`, email: `bench${i}@example.net`, password: OWN })
}

const control = instance.pid('control')
const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${control}/status`, 'utf8'))[1]) / 1024

/** Pages of the list of servers, as long as it lasts; how late each came. */
async function read(storm) {
  const took = []
  const crowd = storm && fork(process.argv[1], ['--crowd', url.href, '--people', `${people}`, '--seconds', `${seconds}`])
  const ended = crowd && new Promise((done, fail) => crowd.on('exit', (code) => (code ? fail(new Error(`the people ended with ${code}`)) : done())))
  if (crowd) {
    await new Promise((ready) => crowd.once('message', ready))
    crowd.on('message', (told) => {
      counted.logins += told.logins
      counted.busy += told.busy
    })
    crowd.send('go')
  }
  const until = performance.now() + seconds * 1000
  let most = 0
  const reader = async (i) => {
    while (performance.now() < until) {
      const before = performance.now()
      const { status } = await ask({ method: 'GET', path: '/api/v1/servers?limit=50', agent: readers[i], headers: { authorization: `Bearer ${panel.key}` } })
      check(status === 200, `a page is answered 200, not ${status}`)
      took.push(performance.now() - before)
      most = Math.max(most, rss())
      // As people do, and below what one key may ask.
      await wait(100)
    }
  }
  await Promise.all(Array.from({ length: READERS }, (_, i) => reader(i)))
  await ended
  return { p99: at(took, 0.99), p50: at(took, 0.5), most }
}

const report = new Report('logins', `${people} log-ins at once, ${rounds} rounds of ${seconds} s; ${READERS} others read pages of servers`)
const [storm, calm] = [0, 1].map(() => ({ p99: [], p50: [] }))
const grown = []
await read(false)
for (let round = 0; round < rounds; round++) {
  const before = rss()
  for (const [got, on] of [[calm, false], [storm, true]]) {
    const { p99, p50, most } = await read(on)
    got.p99.push(p99)
    got.p50.push(p50)
    if (on) grown.push(most - before)
  }
}
report.row({ what: 'a page of servers while they log in, p99', unit: 'ms', better: 'lower', ours: storm.p99, theirs: calm.p99, reference: 'nobody logs in', goal: 1 / 1.5, stretch: 1 / 1.2 })
report.row({ what: 'the same, p50', unit: 'ms', better: 'lower', ours: storm.p50, theirs: calm.p50, reference: 'nobody logs in' })
report.note(`memory of control grew by at most ${Math.max(...grown).toFixed(0)} MiB, ${median(grown).toFixed(0)} in the median (at most 64 are wanted)`)
report.note(`${counted.logins} got in, ${counted.busy} times somebody was told to come again`)
report.end()
process.exit(0)
