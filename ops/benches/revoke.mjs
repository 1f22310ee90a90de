// How soon every door is closed to somebody whose rights are withdrawn, while ten thousand sessions are open, each with a
// browser that watches a console. People are suspended one after the other; for each of them their sockets, a call of the
// API, a ticket and a reader of events are watched until the last one is refused. There is no reference: a second at p99 is the goal.
//   ops/bench revoke [--people 200] [--sessions 50] [--revoked 100]
import { createHash, randomBytes } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { credential } from '../e2e/chaos/bus.mjs'
import { Line } from '../e2e/chaos/nats.mjs'
import { check, Instance, Panel, PASSWORD, until, wait } from '../e2e/panel.mjs'
import { at, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, people: { type: 'string', default: '200' }, sessions: { type: 'string', default: '50' }, revoked: { type: 'string', default: '100' } },
})
const [people, sessions, revoked] = ['people', 'sessions', 'revoked'].map((name) => Number(options[name]))
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
check(panel.url.protocol === 'http:', 'the instance speaks plain HTTP')
// To make an admin and to suspend one takes a log-in.
const boss = new Panel(instance.ready.url, { address: '127.0.0.1' })
await boss.login(instance.admin.user, PASSWORD)
const { items: servers } = await panel.get('/servers?state=running')
const server = servers[0].id
const gateway = Number(/^listen\s*=\s*".*:(\d+)"/m.exec(readFileSync(`${instance.data}/conf/gateway.toml`, 'utf8'))[1])

// Everybody from an address of their own on loopback: the limits of one network are not what is measured.
const home = (i) => `127.1.${Math.floor(i / 200)}.${1 + (i % 200)}`

function ask(person, method, path, token, body = {}) {
  return new Promise((done, fail) => {
    const headers = { host: panel.url.host, accept: 'application/json', cookie: `warren=${token}`, origin: panel.url.origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
    const call = request({ host: '127.0.0.1', port: panel.url.port, method, path: `/api/v1${path}`, headers, localAddress: person.home, agent: person.agent }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('end', () => done({ status: answer.statusCode, body: Buffer.concat(parts).toString() }))
      answer.on('error', fail)
    })
    call.setTimeout(30_000, () => call.destroy(new Error(`${path} took longer than 30 s`)))
    call.on('error', fail)
    call.end(method === 'POST' ? JSON.stringify(body) : undefined)
  })
}

/** A text frame of a client, masked as the protocol wants it. */
function frame(value) {
  const text = Buffer.from(JSON.stringify(value))
  const mask = randomBytes(4)
  const head = text.length < 126 ? Buffer.from([0x81, 0x80 | text.length]) : Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 255])
  return Buffer.concat([head, mask, text.map((byte, i) => byte ^ mask[i & 3])])
}

const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

/** Takes whole frames of a server off the front of `bytes`; gives back what is left of them. */
function frames(bytes, onFrame) {
  for (;;) {
    const short = bytes.length > 1 ? bytes[1] & 127 : 0
    const head = short === 126 ? 4 : short === 127 ? 10 : 2
    if (bytes.length < head) return bytes
    const size = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
    if (bytes.length < head + size) return bytes
    onFrame(bytes[0] & 15, bytes.subarray(head, head + size))
    bytes = bytes.subarray(head + size)
  }
}

/** Watches a console; `closed` tells when the gateway let go of it. No library: ten thousand of them must fit here. */
async function watch(person, token) {
  const [mine, ticket] = await Promise.all(['/tickets/mine', `/servers/${server}/ticket`].map((path) => ask(person, 'POST', path, token)))
  check(mine.status === 200 && ticket.status === 200, `tickets: ${mine.status} ${ticket.status} ${ticket.body}`)
  const socket = connect({ host: '127.0.0.1', port: gateway, localAddress: person.home })
  socket.setNoDelay(true)
  const viewer = { socket, closed: undefined }
  const ended = () => (viewer.closed ??= performance.now())
  await new Promise((done, fail) => {
    let left = Buffer.alloc(0)
    let open = false
    const onFrame = (opcode, payload) => {
      // Who answers no ping is cut off after a while, and would look like somebody whose rights were withdrawn.
      if (opcode === 9) socket.write(PONG)
      else if (opcode === 8) ended()
      else if (opcode === 1) {
        const { t } = JSON.parse(payload)
        // The gateway says the end before it closes.
        if (t === 'end') ended()
        else if (t === 'ok') done()
        else if (t === 'error') fail(new Error(payload.toString()))
      }
    }
    socket.on('data', (part) => {
      left = left.length ? Buffer.concat([left, part]) : part
      if (!open) {
        const head = left.indexOf('\r\n\r\n')
        if (head < 0) return
        open = true
        left = left.subarray(head + 4)
        socket.write(frame({ t: 'auth', ticket: JSON.parse(mine.body).ticket }))
        socket.write(frame({ t: 'sub', id: 1, topic: 'server', server, ticket: JSON.parse(ticket.body).ticket, tail_bytes: 0 }))
      }
      left = frames(left, onFrame)
    })
    socket.on('error', fail)
    socket.on('close', () => {
      ended()
      fail(new Error('closed before it was subscribed'))
    })
    const key = randomBytes(16).toString('base64')
    socket.write(`GET /ws HTTP/1.1\r\nHost: ${panel.url.host}\r\nOrigin: ${panel.url.origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`)
  })
  return viewer
}

/** Reads the events of the server over the bus; `closed` tells when it was cut off. */
async function read(person, token) {
  const { status, body } = await ask(person, 'POST', '/event-consumers', token, { name: 'bench', servers: [server] })
  check(status === 201 || status === 200, `a reader of events: ${status} ${body}`)
  const made = JSON.parse(body)
  const reader = { closed: undefined }
  await new Promise((done, fail) => {
    const line = new Line(new URL(made.nats_urls[0]), {
      ...credential(made.creds),
      onGreeted: () => {
        line.subscribe(`${made.inbox_prefix}.>`)
        // Answered once the server has judged the credential: what it does not allow it says before.
        line.publish(made.subjects[0], undefined, '')
      },
    })
    line.closed.then(() => {
      reader.closed = performance.now()
      fail(new Error(`a reader was cut off: ${line.last}`))
    })
    until('a reader to be refused what it may only read', 10_000, () => line.last).then(done, fail)
  })
  return reader
}

// Log-ins as rows, as a log-in writes them: a hash of each password would take the time of the whole bench.
const everybody = []
for (let i = 0; i < people; i++) {
  const { user } = await boss.post('/users', { username: `away${i}`, email: `away${i}@example.net`, password: `a phrase of many words ${i}`, admin: true })
  const tokens = Array.from({ length: sessions }, () => randomBytes(32).toString('hex').slice(0, 43))
  everybody.push({ id: user.id, home: home(i), tokens, viewers: [], agent: new Agent({ keepAlive: true, maxSockets: 4 }) })
}
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const ulid = () => `01${Array.from(randomBytes(24), (byte) => ALPHABET[byte & 31]).join('')}`
const rows = everybody.flatMap(({ id, tokens }) => tokens.map((token) => [ulid(), id, createHash('sha256').update(`http:${token}`).digest('hex')]))
const insert = spawnSync(
  'python3',
  [
    '-c',
    `import json, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=30)
now = int(time.time() * 1000)
with db:
    db.execute("UPDATE users SET must_change_password = 0")
    db.executemany("INSERT INTO sessions (id, user_id, token_hash, created_at_ms, last_seen_at_ms, expires_at_ms, address, user_agent, two_steps) VALUES (?, ?, ?, ?, ?, ?, '127.0.0.1', 'bench', 0)", [(*row, now, now, now + 86400000) for row in json.load(sys.stdin)])
`,
    `${instance.data}/control/warren.db`,
  ],
  { input: JSON.stringify(rows), encoding: 'utf8', maxBuffer: 1 << 26 },
)
check(insert.status === 0, `log-ins: ${insert.stderr}`)

for (const [i, person] of everybody.entries()) {
  person.viewers = await Promise.all(person.tokens.map((token) => watch(person, token)))
  if (i % 50 === 49) console.log(`  ${(i + 1) * sessions} consoles are watched`)
}

const report = new Report('revoke', `${people * sessions} sessions that watch a console each; ${revoked} people are suspended, one after the other`)
const doors = { socket: [], call: [], ticket: [], events: [] }
for (const person of everybody.slice(0, revoked)) person.reader = await read(person, person.tokens[0])
for (const person of everybody.slice(0, revoked)) {
  const token = person.tokens[0]
  const before = performance.now()
  await boss.put(`/users/${person.id}/suspension`, { reason: 'bench' })
  const answered = performance.now()
  const refused = async (method, path, wanted) => {
    for (;;) {
      const { status } = await ask(person, method, path, token)
      if (wanted.includes(status)) return performance.now() - before
      check(performance.now() - before < 30_000, `${path} is still answered ${status}`)
      await wait(5)
    }
  }
  doors.call.push(await refused('GET', '/servers?limit=1', [401, 403]))
  doors.ticket.push(await refused('POST', `/servers/${server}/ticket`, [401, 403]))
  await until('all sockets to close', 30_000, () => person.reader.closed && person.viewers.every((viewer) => viewer.closed))
  doors.events.push(person.reader.closed - before)
  doors.socket.push(...person.viewers.map((viewer) => viewer.closed - before))
  person.took = answered - before
}
const others = everybody.slice(revoked).flatMap(({ viewers }) => viewers)
check(others.every((viewer) => !viewer.closed), 'nobody else lost a console')
for (const [what, took] of [['a console, until the gateway closed it', doors.socket], ['a call of the API, until it was refused', doors.call], ['a ticket, until it was refused', doors.ticket], ['a reader of events, until the bus cut it off', doors.events]])
  report.row({ what: `${what}: p99 of ${took.length} (${at(took, 0.5).toFixed(1)} ms p50, ${Math.max(...took).toFixed(1)} ms the slowest)`, unit: 'ms', better: 'lower', ours: [at(took, 0.99)] })
report.note(`at most 1000 ms are wanted: ${Math.max(...Object.values(doors).map((took) => at(took, 0.99))) <= 1000 ? 'met' : 'MISSED'}`)
report.note(`${others.length} consoles of others stayed open`)
report.end()
process.exit(0)
