// One console to many viewers: CPU of the gateway per line and viewer, beside a Node broadcaster with the `ws`
// library that encodes JSON for each viewer, as peers do. Turn by turn in the same run; needs no instance.
//   ops/bench fanout [--viewers 1000] [--rounds 5] [--seconds 4]
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { viewers: { type: 'string', default: '1000' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '4' } },
})
const [viewers, rounds, seconds] = ['viewers', 'rounds', 'seconds'].map((name) => Number(options[name]))
const root = new URL('../../', import.meta.url).pathname
const program = process.env.WARREN_FANOUT ?? `${root}target/release/examples/fanout`
if (!existsSync(program)) {
  const built = spawnSync('cargo', ['build', '--release', '-p', 'warren-gateway', '--example', 'fanout'], { cwd: root, stdio: 'inherit' })
  if (built.status !== 0) process.exit(1)
}
const modules = `${root}target/bench-ws`
if (!existsSync(`${modules}/node_modules/ws`)) {
  mkdirSync(modules, { recursive: true })
  const installed = spawnSync('npm', ['install', '--prefix', modules, '--no-save', '--silent', 'ws@8'], { stdio: 'inherit' })
  if (installed.status !== 0) process.exit(1)
}

const reference = `
const { WebSocketServer } = require('${modules}/node_modules/ws')
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
const tell = (value) => process.stdout.write(JSON.stringify(value) + '\\n')
server.on('listening', () => tell({ port: server.address().port, say: [] }))
const line = () => '@#' + (BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000))).toString(16).padStart(16, '0') + ' ' + 'x'.repeat(80)
const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6 }
require('node:readline').createInterface({ input: process.stdin }).on('line', (text) => {
  const run = JSON.parse(text)
  const [before, began] = [cpu(), performance.now()]
  let printed = 0
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - began) / 1000 * run.lines)
    const lines = []
    for (; printed < due; printed++) lines.push(line())
    if (run.tick_ms) {
      if (lines.length) for (const client of server.clients) client.send(JSON.stringify({ event: 'console output', args: lines }))
    } else {
      for (const one of lines) for (const client of server.clients) client.send(JSON.stringify({ event: 'console output', args: [one] }))
    }
    if (performance.now() - began >= run.seconds * 1000) {
      clearInterval(timer)
      setTimeout(() => tell({ cpu_s: cpu() - before, lines: printed, skipped_bytes: 0 }), 500)
    }
  }, run.tick_ms || 1000 / run.lines)
}).on('close', () => process.exit(0))
`

/** A child that answers a line of JSON with a line of JSON. */
class Child {
  constructor(command, args, core) {
    // Servers on one core, viewers on the other: neither is measured while it waits for the other.
    this.process = spawn('taskset', ['-c', String(core), command, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }
  async hear() {
    const { value, done } = await this.lines.next()
    if (done) throw new Error('a part of the bench has ended')
    return JSON.parse(value)
  }
  ask(value) {
    this.process.stdin.write(JSON.stringify(value) + '\n')
    return this.hear()
  }
  end() {
    this.process.stdin.end()
    this.process.kill()
  }
}

const sides = []
for (const [name, command, args] of [['gateway', program, ['serve']], ['node ws', 'node', ['-e', reference]]]) {
  const server = new Child(command, args, 0)
  const { port, say } = await server.hear()
  const watching = new Child(program, ['viewers', '--port', port, '--count', viewers, ...say.flatMap((text) => ['--say', text])], 1)
  await watching.hear()
  sides.push({ name, server, watching })
}

const shapes = [
  { title: '80 lines/s, a frame each', ours: { lines: 80, tick_ms: 0 }, theirs: { lines: 80, tick_ms: 0 }, goal: 1.7 },
  { title: '1000 lines/s, frames of 25 ms', ours: { lines: 1000, tick_ms: 25 }, theirs: { lines: 1000, tick_ms: 25 }, goal: 3 },
]
const report = new Report('fanout', `${viewers} viewers, ${rounds} rounds of ${seconds} s, lines of 100 bytes; CPU of the serving process`)
for (const shape of shapes) {
  const [ours, theirs] = sides.map(() => ({ us: [], p50: [], p99: [], share: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const [i, got] of [ours, theirs].entries()) {
      const { server, watching } = sides[i]
      await watching.ask({})
      const done = await server.ask({ ...(i ? shape.theirs : shape.ours), seconds })
      const seen = await watching.ask({})
      got.us.push((done.cpu_s * 1e6) / seen.lines)
      got.p50.push(seen.p50_us / 1000)
      got.p99.push(seen.p99_us / 1000)
      got.share.push(seen.lines / (done.lines * viewers))
    }
  }
  report.row({ what: `${shape.title}, per line and viewer`, unit: 'us of CPU', better: 'lower', ours: ours.us, theirs: theirs.us, reference: 'a Node broadcaster with ws', goal: shape.goal })
  for (const [name, got] of [['Warren', ours], ['reference', theirs]]) {
    report.note(`${name}: latency p50 ${median(got.p50).toFixed(1)} ms, p99 ${median(got.p99).toFixed(1)} ms, delivered ${(100 * median(got.share)).toFixed(1)} %`)
  }
}
for (const { server, watching } of sides) {
  watching.end()
  server.end()
}
report.end()
process.exit(0)
