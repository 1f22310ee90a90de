// The parts of `fanout` and `viewers`: a gateway, a bare socket and a Node broadcaster, each with viewers of its own.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'

const root = new URL('../../../', import.meta.url).pathname
const program = process.env.WARREN_FANOUT ?? `${root}target/release/examples/fanout`
if (!process.env.WARREN_FANOUT) {
  const built = spawnSync('cargo', ['build', '--locked', '--release', '-p', 'warren-gateway', '--example', 'fanout'], { cwd: root, stdio: 'inherit' })
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
  if (run.rss) return tell({ rss_bytes: process.memoryUsage().rss })
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

const SERVERS = {
  gateway: [program, ['serve']],
  floor: [program, ['floor']],
  node: ['node', ['-e', reference]],
}

/** A server, and where its viewers go. */
export async function serve(name) {
  const [command, args] = SERVERS[name]
  const server = new Child(command, args, 0)
  return { server, ...(await server.hear()) }
}

/** So many viewers of a server; they have all begun. */
export async function watch({ port, say }, count, options = []) {
  const args = ['viewers', '--port', port, '--count', String(count), ...say.flatMap((text) => ['--say', text]), ...options]
  const watching = new Child(program, args, 1)
  await watching.hear()
  return watching
}
