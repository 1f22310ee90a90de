// Three nats-servers as a cluster, and the one that leads the stream of events killed. Their configuration
// is the one that `up --nats` writes, with another name, port and folder for each, and routes between them.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { check, until } from '../panel.mjs'
import { events } from './bus.mjs'
import { installing, remove, up } from './kills.mjs'
import { freePort, read, World } from './world.mjs'

/** How long the loss of a leader may be felt, with what the panel takes to show it. */
const WITHIN_MS = 10000

class Member {
  constructor(world, number) {
    this.name = `warren-${number}`
    this.folder = join(world.folder, this.name)
    this.log = join(world.data, 'log', `${this.name}.log`)
    mkdirSync(this.folder)
  }

  async ports() {
    for (const what of ['client', 'route', 'monitor']) this[what] = await freePort()
  }

  configure(conf, members) {
    const inner = conf.match(/store_dir: "([^"]+)\/js"/)[1]
    const own = conf
      .replace(/^server_name: .*/m, `server_name: "${this.name}"`)
      .replace(/^listen: .*/m, `listen: "127.0.0.1:${this.client}"\nhttp: "127.0.0.1:${this.monitor}"`)
      .replaceAll(`${inner}/`, `${this.folder}/`)
    const routes = members.filter((one) => one !== this).map((one) => `"nats-route://127.0.0.1:${one.route}"`)
    writeFileSync(join(this.folder, 'nats.conf'), `${own}\ncluster { name: "warren", listen: "127.0.0.1:${this.route}", routes: [${routes}] }\n`, { mode: 0o600 })
  }

  start() {
    const out = openSync(this.log, 'a')
    this.child = spawn('nats-server', ['-c', join(this.folder, 'nats.conf')], { stdio: ['ignore', out, out] })
    closeSync(out)
  }

  async kill() {
    const over = new Promise((done) => this.child.once('exit', done))
    this.child.kill('SIGKILL')
    await over
    this.child = undefined
  }

  /** What this member says of JetStream. */
  async jetstream() {
    return (await fetch(`http://127.0.0.1:${this.monitor}/jsz?accounts=true&streams=true`)).json()
  }

  async stream() {
    const { account_details: accounts = [] } = await this.jetstream()
    return accounts.flatMap(({ stream_detail: streams = [] }) => streams).find(({ name }) => name === 'EVENT')
  }
}

async function three() {
  const members = []
  const urls = () => members.map(({ client }) => `nats://127.0.0.1:${client}`).join(',')
  const env = { WARREN_CONTROL_EVENT_REPLICAS: '3' }
  const world = await World.start({
    env,
    words: () => ['--nats', urls()],
    before: async (own) => {
      mkdirSync(join(own.data, 'log'), { recursive: true })
      for (let number = 1; number <= 3; number++) members.push(new Member(own, number))
      for (const member of members) await member.ports()
      own.last = async () => {
        for (const member of members) if (member.child) await member.kill()
      }
      // The first start writes the configuration and says that nobody is there yet.
      const first = spawnSync(`${process.env.WARREN_BIN_DIR}/warren-ops`, own.words(['--nats', urls()]), { encoding: 'utf8', timeout: 120000, env: { ...process.env, ...own.ways(), ...env } })
      const conf = join(own.data, 'nats/nats.conf')
      check(first.status !== 0 && existsSync(conf), `the first start writes nats.conf: ${first.stdout}${first.stderr}`)
      for (const member of members) {
        member.configure(read(conf), members)
        member.start()
      }
      await until('the cluster to have a leader', 30000, async () => (await members[0].jetstream()).meta_cluster?.leader)
    },
  })
  world.members = members
  return world
}

async function leaderKilled(world) {
  const { panel, members } = world
  const leads = async () => {
    for (const member of members.filter(({ child }) => child)) {
      const stream = await member.stream().catch(() => undefined)
      const leader = members.find(({ name, child }) => child && name === stream?.cluster?.leader)
      if (leader) return leader
    }
    return undefined
  }
  const leader = await until('the stream of events to have a leader', 30000, leads)
  const { cluster } = await leader.stream()
  check(cluster.replicas?.length === 2, `the stream has three copies: ${JSON.stringify(cluster)}`)
  const server = await installing(world, world.image)
  await up(world, server)
  await leader.kill()
  const killed = Date.now()
  await panel.post(`/servers/${server}/power`, { action: 'stop' })
  await panel.state(server, 'stopped', WITHIN_MS)
  const state = Date.now() - killed
  const next = await until('another leader', 30000, leads)
  const led = Date.now() - killed
  const unsaid = () => world.rows('SELECT COUNT(*) AS n FROM outbox WHERE published_at_ms IS NULL')[0].n
  await until('every event to be in the stream', 30000, () => unsaid() === 0)
  const stored = Date.now() - killed
  leader.start()
  await until('the killed one to have caught up', 60000, async () => (await next.stream()).cluster.replicas.every((one) => one.current && !one.offline))
  const all = await events(panel)
  const held = (await next.stream()).state.messages
  check(stored <= WITHIN_MS, `events flow again within ${WITHIN_MS} ms (${stored})`)
  await remove(world, server)
  return {
    ended: `order carried out after ${state} ms, ${next.name} leads after ${led} ms, events stored after ${stored} ms, ${leader.name} caught up`,
    lost: Math.max(0, all.length - held),
    doubled: Math.max(0, held - (await events(panel)).length),
  }
}

export const cluster = [{ name: 'leader-killed', what: () => 'leader of three nats-servers killed', setting: three, run: leaderKilled }]
