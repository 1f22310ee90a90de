// Console lines that control stores per CPU-second and per second, on SQLite and on PostgreSQL, beside one row and
// one commit a line and beside the fastest way in that the database has. Real games print them on a real node.
//   ops/bench ingest [--rounds 5] [--seconds 10] [--servers 4] [--only sqlite,postgres]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { check, egg, gameEgg, Instance, makeServer, until, wait } from '../e2e/panel.mjs'
import { freePort, Postgres, Sqlite } from './lib/database.mjs'
import { cpuSeconds, median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '10' }, servers: { type: 'string', default: '4' }, only: { type: 'string', default: 'sqlite,postgres' } },
})
const [rounds, seconds, servers] = ['rounds', 'seconds', 'servers'].map((name) => Number(options[name]))
const LINE_BYTES = 64
/** How long control is held, so that a backlog waits for it. */
const HELD_MS = 4000
const first = new Instance(options.data)
const image = pushGame(first.ready.registry)
const ops = `${process.env.WARREN_BIN_DIR}/warren-ops`

/** Another Warren on this database; gives its folder. */
async function another(database) {
  const folder = mkdtempSync('/tmp/wb-')
  const data = `${folder}/data`
  const ports = []
  for (const name of ['port', 'gateway-port', 'nats-port', 'agent-port']) ports.push(`--${name}`, String(await freePort()))
  const { status, stderr, stdout } = spawnSync(ops, ['up', '--detach', '--data', data, ...ports, ...database.up], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`up: ${stdout}${stderr}`)
  return { data, end: () => void (spawnSync(ops, ['down', '--data', data, '--grace', '2']), rmSync(folder, { recursive: true })) }
}

const report = new Report('ingest', `${servers} games of about 1 MiB/s in lines of ${LINE_BYTES} bytes, ${rounds} rounds of ${seconds} s, turn by turn`)

async function measure(database, data) {
  const instance = new Instance(data)
  const panel = await instance.panel('bench')
  database.open(data)
  const node = await until('the node to be online', 20000, async () => (await panel.all('/nodes')).find((one) => one.state === 'online'))
  const games = []
  for (let i = 0; i < servers; i++) games.push(await makeServer(panel, { name: `Bench ingest ${i}`, egg: await egg(panel, gameEgg(image)), node: node.id, variables: { GAME: '/games/burst 16384 1' } }))
  for (const game of games) await panel.state(game, 'running', 60000)
  await wait(3000)
  const control = instance.pid('control')
  const cpu = () => cpuSeconds(control) + database.cpu()
  const got = { ours: [], oneCpu: [], mostCpu: [], peak: [], oneWall: [], mostWall: [], lines: [], agent: [], row: [] }
  for (let round = 0; round < rounds; round++) {
    const [used, agent, bytes, chunks, start] = [cpu(), cpuSeconds(instance.pid('agent')), await database.bytes(), await database.chunks(), performance.now()]
    await wait(seconds * 1000)
    const stored = (await database.bytes()) - bytes
    check(stored > 0, 'something was stored')
    got.ours.push(stored / LINE_BYTES / (cpu() - used))
    got.lines.push(stored / LINE_BYTES / ((performance.now() - start) / 1000))
    got.agent.push(stored / LINE_BYTES / (cpuSeconds(instance.pid('agent')) - agent))
    got.row.push(stored / Math.max(1, (await database.chunks()) - chunks))

    // A backlog: what one node's uploads bring when they need not wait for the games.
    process.kill(control, 'SIGSTOP')
    await wait(HELD_MS)
    process.kill(control, 'SIGCONT')
    const seen = []
    for (let i = 0; i < 40; i++) {
      seen.push([performance.now(), await database.bytes()])
      await wait(50)
    }
    let peak = 0
    for (const [at, had] of seen) {
      const later = seen.find(([time]) => time >= at + 500)
      if (later) peak = Math.max(peak, (later[1] - had) / LINE_BYTES / ((later[0] - at) / 1000))
    }
    got.peak.push(peak)

    const slow = database.one(3000)
    const fast = database.most(100000)
    got.oneCpu.push(slow.cpu)
    got.oneWall.push(slow.wall)
    got.mostCpu.push(fast.cpu)
    got.mostWall.push(fast.wall)
  }
  for (const game of games) await panel.post(`/servers/${game}/power`, { action: 'kill' })
  check((await database.holes()) === 0, 'nothing was cut: each line that was counted is stored')
  const { name } = database
  const whose = database.up.length ? 'of control and PostgreSQL' : 'of control'
  const floor = database.up.length ? 0.9 : 0.8
  report.row({ what: `${name}: lines stored per CPU-second ${whose}`, unit: 'lines per CPU-second', better: 'higher', ours: got.ours, theirs: got.oneCpu, reference: database.slow, goal: 100 })
  report.row({ what: `${name}: the same beside the floor`, unit: 'lines per CPU-second', better: 'higher', ours: got.ours, theirs: got.mostCpu, reference: database.fast, goal: floor, stretch: 5 })
  report.row({ what: `${name}: lines stored per second while one node's backlog comes in`, unit: 'lines per second', better: 'higher', ours: got.peak, theirs: got.oneWall, reference: database.slow, goal: 100 })
  report.row({ what: `${name}: the same beside the floor`, unit: 'lines per second', better: 'higher', ours: got.peak, theirs: got.mostWall, reference: database.fast, ...(database.up.length ? { goal: floor, stretch: 5 } : {}) })
  report.note(`without a backlog the games print and control stores ${median(got.lines).toFixed(0)} lines/s: the games set that figure`)
  report.note(`the agent takes a CPU-second for ${median(got.agent).toFixed(0)} lines, and control makes a row of ${(median(got.row) / 1024).toFixed(1)} KiB of console on the median`)
  await database.end()
}

const only = options.only.split(',')
if (only.includes('sqlite')) await measure(await Sqlite.start(options.data), options.data)
if (only.includes('postgres')) {
  const database = await Postgres.start()
  const own = await another(database)
  try {
    await measure(database, own.data)
  } finally {
    own.end()
    if (database.server.exitCode === null) database.server.kill('SIGINT')
  }
}
report.note('the text of these games shrinks to a small part; game logs shrink less, and their figures would be lower')
report.note('one node sends one upload of at most 1 MiB at a time, so a backlog is limited by its round trips and by the two cores that the games, the agent and the database share')
report.end()
process.exit(0)
