// An order through the API, beside the least that would do: a bare NATS request to a small process, one durable
// commit and one fsynced append. One client times both sides, turn by turn, over connections that stay open.
//   ops/bench command [--rounds 7] [--count 200]
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { egg, gameEgg, Instance, makeServer, wait } from '../e2e/panel.mjs'
import { at, median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' }, rounds: { type: 'string', default: '7' }, count: { type: 'string', default: '200' } } })
const [rounds, count] = ['rounds', 'count'].map((name) => Number(options[name]))
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
const server = await makeServer(panel, { name: 'Bench command', egg: await egg(panel, gameEgg(image)), node, variables: { GAME: '/games/echo' } })
await panel.state(server, 'running', 60000)

const nats = await new Promise((done) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => done(port))
  })
})
const broker = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(nats)], { stdio: 'ignore' })
const folder = mkdtempSync(`${options.data}/reference-`)
await wait(500)
const { ticket } = await panel.post('/tickets/mine')
const keys = [panel.key]
for (let i = 1; i < 12; i++) keys.push((await instance.panel(`bench ${i}`)).key)
const told = { host: panel.url.host, port: Number(panel.url.port), keys, server, ticket, nats, folder }
const client = spawn('python3', [new URL('lib/roundtrip.py', import.meta.url).pathname, JSON.stringify(told)], { stdio: ['pipe', 'pipe', 'inherit'] })
const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]()
const measure = async (way, times = count) => {
  client.stdin.write(`${JSON.stringify({ way, count: times })}\n`)
  const { value, done } = await lines.next()
  if (done) throw new Error('the client has ended')
  return JSON.parse(value)
}

const report = new Report('command', `${rounds} rounds of ${count}, turn by turn`)
const WAYS = ['line', 'stored', 'order', 'power', 'bare', 'durable']
const got = Object.fromEntries(WAYS.map((way) => [way, { p50: [], p99: [] }]))
for (const way of WAYS) await measure(way, 20)
for (let round = 0; round < rounds; round++) {
  for (const way of WAYS) {
    const took = await measure(way)
    got[way].p50.push(at(took, 0.5))
    got[way].p99.push(at(took, 0.99))
  }
}
client.stdin.end()
broker.kill()
rmSync(folder, { recursive: true })

const DURABLE = 'a NATS request, a commit, an fsynced append'
for (const [way, beside, what, reference] of [
  ['line', 'durable', 'a typed line until the answer: it is in the game', DURABLE],
  ['line', 'bare', 'the same, beside the bare request', 'a NATS request alone'],
  ['stored', 'durable', 'a typed line until the fact that the agent journalled is committed and at the browser', DURABLE],
  ['order', 'durable', 'a power order until the answer: control has committed it', DURABLE],
  ['power', 'durable', 'a power order until the agent has stored it and said so', DURABLE],
]) {
  for (const share of ['p50', 'p99']) {
    report.row({ what: `${what}, ${share}`, unit: 'ms', better: 'lower', ours: got[way][share], theirs: got[beside][share], reference, ...(share === 'p50' ? { goal: 1 / 3, stretch: 1 / 2 } : {}) })
  }
}
report.note(`a bare NATS request alone: ${median(got.bare.p50).toFixed(3)} ms, so a commit and an append take ${(median(got.durable.p50) - median(got.bare.p50)).toFixed(2)} ms`)
report.note("the answer to a typed line doesn't wait for the journal: the fact of it is fsynced and committed afterwards")
report.note('a power order is a start of a server that runs; its end at the agent is polled, so some GETs of a server are in it')
report.end()
process.exit(0)
