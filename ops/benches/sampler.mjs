// CPU of the agent for the figures of one server, once: the difference between many idle servers and none. Beside it,
// in the same rounds, `df` as a child for each, and the same figures asked of containerd with `ctr task metrics`.
//   ops/bench sampler [--rounds 5] [--seconds 10] [--servers 50]
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { egg, gameEgg, Instance, makeServer, until, wait } from '../e2e/panel.mjs'
import { Viewer } from '../e2e/viewer.mjs'
import { cpuSeconds, median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '10' }, servers: { type: 'string', default: '50' } },
})
const [rounds, seconds, count] = ['rounds', 'seconds', 'servers'].map((name) => Number(options[name]))
/** The agent samples for control so often, whoever watches. */
const BATCH_S = 15
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
const agent = instance.pid('agent')
const report = new Report('sampler', `${count} idle servers, ${rounds} rounds of ${seconds} s`)

/** CPU seconds of a process per second, over a round. */
async function rate(...pids) {
  const [used, start] = [cpuSeconds(...pids), performance.now()]
  await wait(seconds * 1000)
  return (cpuSeconds(...pids) - used) / ((performance.now() - start) / 1000)
}
const rates = async () => {
  const list = []
  for (let round = 0; round < rounds; round++) list.push(await rate(agent))
  return list
}

const none = await rates()
const game = await egg(panel, gameEgg(image))
const servers = []
for (let i = 0; i < count; i++) servers.push(await makeServer(panel, { name: `Bench sampler ${i}`, egg: game, node, variables: { GAME: '/games/echo' }, memory: 64 << 20 }))
await until('all servers to run', 300000, async () => (await panel.get('/servers/tally')).running >= count, 500)
// Their starts have after-effects: the disk is counted, the journal is sent.
await wait(20000)
const unwatched = await rates()

const namespace = `warren-${instance.claim.tag}`
const socket = `/run/${namespace}/containerd.sock`
const tasks = spawnSync('ctr', ['-a', socket, '-n', namespace, 'tasks', 'ls', '-q'], { encoding: 'utf8' }).stdout.trim().split('\n').filter((id) => servers.some((server) => id.includes(server)))
if (tasks.length !== count) throw new Error(`containerd knows ${tasks.length} tasks of ${count}`)
/** Containerd and its shims: they do the work of the call. */
const containerd = [instance.pid('containerd')]
for (const pid of readdirSync('/proc')) {
  try {
    const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : []
    if (words[0]?.includes('containerd-shim') && words.includes(namespace)) containerd.push(Number(pid))
  } catch {
    // It ended while we looked.
  }
}
const CHILDREN = `
import json, resource, subprocess, sys
for line in json.loads(sys.argv[1]): subprocess.run(line, stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
`
/** CPU seconds of these commands, run one after the other. */
function children(commands) {
  const run = spawnSync('python3', ['-c', CHILDREN, JSON.stringify(commands)], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stderr)
  return Number(run.stdout)
}

const viewers = servers.map((server) => new Viewer(panel, server))
await until('all viewers', 60000, () => viewers.every((viewer) => viewer.open))
await wait(3000)
const idle = await rate(...containerd)
const watched = []
const df = []
const rpc = []
const ctr = []
for (let round = 0; round < rounds; round++) {
  watched.push(await rate(agent))
  df.push((children(servers.map(() => ['df', '-k', options.data])) / count) * 1e6)
  const [used, start] = [cpuSeconds(...containerd), performance.now()]
  const clients = children(tasks.map((id) => ['ctr', '-a', socket, '-n', namespace, 'task', 'metrics', id]))
  const served = cpuSeconds(...containerd) - used - (idle * (performance.now() - start)) / 1000
  rpc.push((served / count) * 1e6)
  ctr.push(((served + clients) / count) * 1e6)
}
await Promise.all(viewers.map((viewer) => viewer.end()))

// A round may hold one of the batches for control or none: only the mean of all rounds tells.
const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length
const [base, quiet] = [mean(none), mean(unwatched)]
const live = watched.map((value) => ((value - quiet) / count) * 1e6)
const batch = [(((quiet - base) * BATCH_S) / count) * 1e6]
const all = watched.map((value) => ((value - base) / count) * 1e6)
const row = (what, ours, theirs, reference, goals = {}) => report.row({ what, unit: 'us of CPU', better: 'lower', ours, theirs, reference, ...goals })
row("a sample a second for a server's viewers, sent to the broker", live, df, 'exec df for each', { goal: 200 })
row('the same', live, rpc, 'the metrics call: containerd and its shim alone', { goal: 5 })
row('the same', live, ctr, 'ctr task metrics, the client too')
row(`all that the agent does for an idle server in ${BATCH_S} s without viewers, one sample for control and what else is due`, batch, [median(df)], 'exec df for each')
row('all that the agent does for a watched idle server in a second', all, df, 'exec df for each')
report.note(`at most 30 us a sample are wanted, 10 as the stretch: ${median(live).toFixed(1)} us`)
report.note(`the agent: ${(base * 100).toFixed(2)} % of a core without these servers, ${(quiet * 100).toFixed(2)} % with ${count} that nobody watches, ${(mean(watched) * 100).toFixed(2)} % with a viewer of each`)
report.end()
process.exit(0)
