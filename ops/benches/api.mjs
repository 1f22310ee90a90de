// Pages of the list of servers per CPU-second of control, beside its cheapest route, turn by turn in the same
// process; with 1,000 and then with 100,000 servers in SQLite, which must cost the same.
//   ops/bench api [--rounds 5] [--seconds 2] [--few 1000] [--many 100000]
import { spawnSync } from 'node:child_process'
import { Agent, request } from 'node:http'
import { parseArgs } from 'node:util'
import { check, Instance, wait } from '../e2e/panel.mjs'
import { at, cpuSeconds, median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' }, few: { type: 'string', default: '1000' }, many: { type: 'string', default: '100000' } },
})
const [rounds, seconds, few, many] = ['rounds', 'seconds', 'few', 'many'].map((name) => Number(options[name]))
const PEOPLE = 60
const AT_ONCE = 8
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
check(panel.url.protocol === 'http:', 'the instance speaks plain HTTP')

/** Makes it so many servers; gives API keys of an admin and of a user who owns every tenth. */
function fill(servers, people = PEOPLE) {
  const told = { path: `${options.data}/control/warren.db`, servers, people }
  const run = spawnSync('python3', [new URL('lib/fill.py', import.meta.url).pathname, JSON.stringify(told)], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stderr)
  return JSON.parse(run.stdout)
}

// Control answers so many requests of one key and of one address a second: many people ask, each from an address
// of their own on loopback and over a connection that stays open.
const agents = Array.from({ length: PEOPLE }, (_, i) => new Agent({ keepAlive: true, maxSockets: 1, localAddress: `127.0.1.${i + 1}` }))
function ask(i, path, key) {
  return new Promise((done, fail) => {
    const headers = { host: panel.url.host, accept: 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) }
    request({ host: '127.0.0.1', port: panel.url.port, path, headers, agent: agents[i] }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('end', () => {
        const text = Buffer.concat(parts)
        if (answer.statusCode === 200) done(text)
        else fail(new Error(`${path} answered ${answer.statusCode}: ${text}`))
      })
      answer.on('error', fail)
    })
      .on('error', fail)
      .end()
  })
}

/** Asks for `seconds`; gives answers per CPU-second of control, and milliseconds of single answers. */
async function load(path, keys, atOnce = AT_ONCE) {
  const control = instance.pid('control')
  const took = []
  const [cpu, start] = [cpuSeconds(control), performance.now()]
  const worker = async (first) => {
    for (let i = first; performance.now() - start < seconds * 1000; i = i + atOnce < PEOPLE ? i + atOnce : first) {
      const before = performance.now()
      await ask(i, path, keys?.[i])
      took.push(performance.now() - before)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, i) => worker(i)))
  return { rate: took.length / (cpuSeconds(control) - cpu), took }
}

const LIST = '/api/v1/servers?limit=50'
const report = new Report('api', `${rounds} rounds of ${seconds} s, ${AT_ONCE} at once, SQLite`)
const sizes = {}
for (const size of [few, many]) {
  const filled = fill(size)
  check(filled.servers >= size, `${filled.servers} servers are there`)
  // Control may still fold the log of all these rows into the file.
  await wait(3000)
  const first = JSON.parse(await ask(0, LIST, filled.admin[0]))
  check(first.items.length === 50 && first.next, 'a page has 50 servers')
  let cursor = first.next
  for (let page = 1; page < size / 200; page++) cursor = JSON.parse(await ask(page % PEOPLE, `/api/v1/servers?limit=100&cursor=${cursor}`, filled.admin[page % PEOPLE])).next
  const ways = { floor: ['/healthz'], admin: [LIST, filled.admin], user: [LIST, filled.user], middle: [`${LIST}&cursor=${cursor}`, filled.admin] }
  const got = Object.fromEntries(Object.keys(ways).map((way) => [way, { rate: [], ms: [] }]))
  for (const [path, keys] of Object.values(ways)) await load(path, keys)
  for (let round = 0; round < rounds; round++) {
    for (const [way, [path, keys]] of Object.entries(ways)) {
      // The buckets of the rate limits fill again.
      await wait(1000)
      const run = await load(path, keys)
      got[way].rate.push(run.rate)
      got[way].ms.push(at((await load(path, keys, 1)).took, 0.5))
    }
  }
  sizes[size] = got
  for (const [way, what] of [['admin', 'an admin'], ['user', 'a user who owns every tenth'], ['middle', 'an admin, from the middle of the list']]) {
    report.row({ what: `a page of 50 of ${size} servers, ${what}`, unit: 'answers per CPU-second of control', better: 'higher', ours: got[way].rate, theirs: got.floor.rate, reference: '/healthz of the same process', goal: 0.25, stretch: 0.5 })
    report.note(`one at a time: ${median(got[way].ms).toFixed(2)} ms, /healthz ${median(got.floor.ms).toFixed(2)} ms`)
  }
}
fill(0, 0)
// Not turn by turn: the rows can't be taken away again. Compared is CPU, which waits for nobody.
for (const way of ['admin', 'user', 'middle']) {
  report.row({ what: `the same page (${way}), ${many} servers beside ${few}`, unit: 'answers per CPU-second of control', better: 'higher', ours: sizes[many][way].rate, theirs: sizes[few][way].rate, reference: `with ${few} servers`, goal: 1 / 1.2 })
  report.row({ what: `the same, one at a time, p50`, unit: 'ms', better: 'lower', ours: sizes[many][way].ms, theirs: sizes[few][way].ms, reference: `with ${few} servers`, goal: 1 / 1.2 })
}
report.end()
process.exit(0)
