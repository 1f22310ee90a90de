// A Warren of its own whose parts can be held away: each program is started through a gate, a shell line
// that waits while a file is there. The supervisor starts a killed part again, and the part waits there.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check, gameProcess, Instance, until } from '../panel.mjs'
import { Registry } from './registry.mjs'

const binaries = process.env.WARREN_BIN_DIR
const ops = `${binaries}/warren-ops`
export const read = (path) => readFileSync(path, 'utf8')
/** Pid and start time of a server's game. */
export const game = (server) => gameProcess(readdirSync, read, server)
const alive = (pid) => existsSync(`/proc/${pid}`)

export function freePort() {
  return new Promise((done, fail) => {
    const probe = createServer().on('error', fail)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => done(port))
    })
  })
}

const path = (program) => execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`], { encoding: 'utf8' }).trim()
const programs = () => ({
  agent: ['warren-agent', `${binaries}/warren-agent`],
  control: ['warren-control', `${binaries}/warren-control`],
  gateway: ['warren-gateway', `${binaries}/warren-gateway`],
  nats: ['nats-server', path('nats-server')],
  containerd: ['containerd', path('containerd')],
})

export class World {
  /** `before(world)` sees the folder before anything is started; `env` is for all parts. */
  static async start({ words = [], env = {}, before = async () => {} } = {}) {
    const world = new World()
    try {
      await world.open(words, env, before)
    } catch (error) {
      await world.end()
      throw error
    }
    return world
  }

  constructor() {
    /** What was started for it, to be ended before it, and what after it. */
    this.ended = []
    this.last = undefined
    this.folder = mkdtempSync(join(tmpdir(), 'wc-'))
    this.data = join(this.folder, 'data')
    this.gates = join(this.folder, 'gates')
    this.bin = join(this.folder, 'bin')
    this.ports = {}
    for (const folder of [this.gates, this.bin, this.data]) mkdirSync(folder, { mode: 0o700 })
    for (const [part, [name, real]] of Object.entries(programs())) {
      const gate = join(this.gates, part)
      const lines = ['#!/bin/sh', `while [ -e '${gate}' ]; do sleep 0.05; done`, `[ ! -e '${gate}.env' ] || . '${gate}.env'`, `exec '${real}' "$@"`]
      writeFileSync(join(this.bin, name), `${lines.join('\n')}\n`, { mode: 0o755 })
    }
  }

  async open(words, env, before) {
    for (const name of ['port', 'gateway-port', 'nats-port', 'agent-port']) this.ports[name] = await freePort()
    await before(this)
    const run = spawnSync(ops, this.words(typeof words === 'function' ? words() : words), { encoding: 'utf8', timeout: 180000, env: { ...process.env, ...this.ways(), ...env } })
    check(run.status === 0, `it starts: ${run.stdout}${run.stderr}`)
    this.instance = new Instance(this.data)
    this.panel = await this.instance.panel('chaos')
    this.node = await until('the local node to be online', 30000, async () => (await this.panel.all('/nodes')).find((node) => node.state === 'online')?.id)
    this.registry = await Registry.start(this.folder)
    this.ended.push(() => this.registry.end())
    this.image = this.registry.pushGame()
  }

  words(more) {
    return ['up', '--detach', '--data', this.data, ...Object.entries(this.ports).flatMap(([name, port]) => [`--${name}`, `${port}`]), ...more]
  }

  /** Where `warren-ops` finds the gates. */
  ways() {
    return { WARREN_BIN_DIR: this.bin, WARREN_NATS_SERVER: join(this.bin, 'nats-server'), WARREN_CONTAINERD: join(this.bin, 'containerd') }
  }

  pid(part) {
    return this.instance.pid(part)
  }

  /** kill -9; the supervisor starts it again at once. */
  kill(part) {
    const pid = this.pid(part)
    process.kill(pid, 'SIGKILL')
    return pid
  }

  /** kill -9, and a new process that really is the program. */
  async restart(part) {
    const old = this.kill(part)
    const name = programs()[part][1].split('/').at(-1).slice(0, 15)
    await until(`${part} to be started again`, 15000, () => this.pid(part) !== old && read(`/proc/${this.pid(part)}/comm`).trim() === name, 20)
  }

  /** Ends a part and keeps it away until `let`. */
  async hold(part) {
    writeFileSync(join(this.gates, part), '')
    const pid = this.kill(part)
    await until(`${part} to be gone`, 10000, () => !alive(pid), 20)
  }

  let(part) {
    rmSync(join(this.gates, part), { force: true })
  }

  /** What a part's next process finds in its environment. */
  environment(part, values) {
    const file = `${join(this.gates, part)}.env`
    if (!values) return rmSync(file, { force: true })
    writeFileSync(file, Object.entries(values).map(([name, value]) => `export ${name}='${value}'\n`).join(''))
  }

  log(part) {
    return read(join(this.data, 'log', `${part}.log`))
  }

  /** Rows of control's database as objects. */
  rows(sql, ...values) {
    const ask = 'import json, sqlite3, sys\ndb = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=10)\ndb.row_factory = sqlite3.Row\nprint(json.dumps([{k: r[k] for k in r.keys() if not isinstance(r[k], bytes)} for r in db.execute(sys.argv[2], sys.argv[3:])]))'
    const run = spawnSync('python3', ['-c', ask, join(this.data, 'control/warren.db'), sql, ...values.map(String)], { encoding: 'utf8', maxBuffer: 1 << 28 })
    check(run.status === 0, `the database can be read: ${run.stderr}`)
    return JSON.parse(run.stdout)
  }

  /** Containers that the node's containerd remembers. */
  containers() {
    const { tag } = this.instance.claim
    const socket = `/run/warren-${tag}/containerd.sock`
    const run = spawnSync('ctr', ['-a', socket, '-n', `warren-${tag}`, 'containers', 'ls', '-q'], { encoding: 'utf8', timeout: 10000 })
    check(run.status === 0, `containerd can be asked: ${run.stderr}`)
    return run.stdout.split('\n').filter(Boolean)
  }

  async online(since = 0) {
    return until('the node to be online', 60000, async () => {
      const node = await this.panel.get(`/nodes/${this.node}`)
      return node.state === 'online' && Date.parse(node.last_seen_at) > since && node
    })
  }

  condition(code) {
    return this.panel.get(`/nodes/${this.node}`).then((node) => node.conditions.find((one) => one.code === code))
  }

  /** Ends all; gives what stayed behind, or nothing. */
  async end() {
    for (const part of Object.keys(programs())) this.let(part)
    for (const end of this.ended.splice(0).reverse()) {
      try {
        await end()
      } catch (error) {
        console.error(`  cleaning up: ${error.message}`)
      }
    }
    let left = ''
    if (existsSync(join(this.data, 'instance.json'))) {
      const { tag } = JSON.parse(read(join(this.data, 'instance.json')))
      const down = spawnSync(ops, ['down', '--data', this.data, '--grace', '2'], { encoding: 'utf8', timeout: 120000, env: { ...process.env, ...this.ways() } })
      if (down.status !== 0) left += `ops/down: ${down.stdout}${down.stderr}`
      left += spawnSync(`${process.env.WARREN_SOURCE_DIR}/ops/e2e/left.sh`, [tag], { encoding: 'utf8' }).stdout.trim()
    }
    await this.last?.()
    this.keepLogs()
    if (this.disk) spawnSync('umount', ['-l', this.disk])
    rmSync(this.folder, { recursive: true, force: true })
    return left
  }

  keepLogs() {
    const kept = `${process.env.WARREN_SOURCE_DIR}/target/chaos/log/${this.name ?? 'other'}`
    rmSync(kept, { recursive: true, force: true })
    mkdirSync(kept, { recursive: true })
    if (existsSync(join(this.data, 'log'))) spawnSync('cp', ['-r', `${join(this.data, 'log')}/.`, kept])
  }
}
