// Lines stored and delivered to viewers per CPU-second of agent, nats-server, gateway and control together,
// against a program that does one insert per line and one message per line and viewer.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { egg, gameEgg, Instance, makeServer, until, wait } from '../e2e/panel.mjs'
import { Viewer } from '../e2e/viewer.mjs'
import { cpuSeconds, median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, rounds: { type: 'string', default: '5' }, lines: { type: 'string', default: '1000,10000' }, viewers: { type: 'string', default: '10' }, seconds: { type: 'string', default: '10' } },
})
const [rounds, viewers, seconds] = ['rounds', 'viewers', 'seconds'].map((name) => Number(options[name]))
const rates = options.lines.split(',').map(Number)
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
const PARTS = ['agent', 'nats', 'gateway', 'control']
const partsCpu = () => PARTS.map((part) => cpuSeconds(instance.pid(part)))

const reference = `
import json, resource, socket, sqlite3, sys, tempfile, threading, os
viewers, lines = int(sys.argv[1]), int(sys.argv[2])
folder = tempfile.mkdtemp()
db = sqlite3.connect(folder + "/lines.db", isolation_level=None)
db.execute("PRAGMA journal_mode=WAL"); db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, server TEXT, at REAL, text TEXT)")
pairs = [socket.socketpair() for _ in range(viewers)]
def drain(end):
    while end.recv(65536): pass
for _, end in pairs: threading.Thread(target=drain, args=(end,), daemon=True).start()
before = resource.getrusage(resource.RUSAGE_SELF)
for n in range(lines):
    text = "line %09d" % n
    db.execute("INSERT INTO line (server, at, text) VALUES (?, ?, ?)", ("s", float(n), text))
    for out, _ in pairs: out.sendall(json.dumps({"event": "console output", "args": [text]}).encode())
after = resource.getrusage(resource.RUSAGE_SELF)
print((after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime))
os.system("rm -rf " + folder)
`
const eggId = await egg(panel, gameEgg(image))
const report = new Report('console', `${rates.join(' and ')} lines/s, ${viewers} viewers, ${rounds} rounds of ${seconds} s each, storing included`)

/** A console's cost is that of its frames, 40 a second however much is in them: a slow one is the dear one. */
async function measure(rate) {
  const server = await makeServer(panel, { name: `Bench console ${rate}`, egg: eggId, node, variables: { GAME: `/games/lines ${rate}` } })
  await panel.state(server, 'running', 60000)

  const counts = []
  for (let i = 0; i < viewers; i++) {
    const count = { lines: 0 }
    count.viewer = new Viewer(panel, server, (bytes) => {
      for (const byte of bytes) if (byte === 10) count.lines += 1
    })
    counts.push(count)
  }
  await until('all viewers', 20000, () => counts.every((count) => count.lines > 0))
  // Its cost per line is the same however many there are, and many take half a minute.
  const referenceLines = Math.min(rate * seconds, 20000)
  const ours = []
  const theirs = []
  const parts = PARTS.map(() => [])
  for (let round = 0; round < rounds; round++) {
    const [cpu, lines] = [partsCpu(), counts.map((count) => count.lines)]
    await wait(seconds * 1000)
    const delivered = counts.reduce((sum, count, i) => sum + count.lines - lines[i], 0)
    const used = partsCpu().map((now, i) => now - cpu[i])
    ours.push(delivered / viewers / used.reduce((sum, seconds) => sum + seconds))
    for (const [i, seconds] of used.entries()) parts[i].push((seconds * 1e6) / (delivered / viewers))
    const run = spawnSync('python3', ['-c', reference, String(viewers), String(referenceLines)], { encoding: 'utf8' })
    if (run.status !== 0) throw new Error(run.stderr)
    theirs.push(referenceLines / Number(run.stdout))
  }
  for (const { viewer } of counts) await viewer.end()
  report.row({ what: `${rate} lines/s, stored and shown to every viewer, of all four programs`, unit: 'lines per CPU-second', better: 'higher', ours, theirs, reference: 'one insert a line, one message a line and viewer', goal: 20, stretch: 100 })
  report.note(`of each line at ${rate} lines/s: ${PARTS.map((part, i) => `${part} ${median(parts[i]).toFixed(1)} us`).join(', ')}`)
  await panel.delete(`/servers/${server}?name=${encodeURIComponent(`Bench console ${rate}`)}`)
}

for (const rate of rates) await measure(rate)
report.end()
process.exit(0)
