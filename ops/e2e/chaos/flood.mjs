// Somebody has a node's key and says all that it may say, as fast as it can. The other node and whoever sits at
// the panel must not notice, and the panel must show who it is.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { check, egg, gameEgg, makeServer, until, wait } from '../panel.mjs'
import { Gauge } from './gauge.mjs'
import { read, World } from './world.mjs'

const FLOOD_MS = 20000
/** Until what the other node says is committed, and seen at the panel. */
const WITHIN_MS = 2000
const CALM_MS = 6000
const SHOWN_MS = 10000
const MIB = 1 << 20
/** What an agent's journal holds at most. */
const JOURNAL_BYTES = 128 * MIB

/** A second node that has joined as any machine does, and whose key speaks through a thread of ours. */
async function besideHostile() {
  const world = await World.start()
  try {
    await joinHostile(world)
  } catch (error) {
    await world.end()
    throw error
  }
  return world
}

async function joinHostile(world) {
  const { panel } = world
  const folder = join(world.folder, 'hostile')
  mkdirSync(folder)
  writeFileSync(`${folder}/agent.toml`, `data_dir = ${JSON.stringify(folder)}\ntag = "hostil"\n`, { mode: 0o600 })
  const run = (program, ...words) => {
    const ran = spawnSync(`${process.env.WARREN_BIN_DIR}/${program}`, words, { encoding: 'utf8', timeout: 60000 })
    check(ran.status === 0, `${program} ${words[0]}: ${ran.stdout}${ran.stderr}`)
    return ran.stdout.trim()
  }
  const token = run('warren-control', 'token', 'create', '--config', join(world.data, 'conf/control.toml'), '--local', '--port-range', '20000-20100')
  run('warren-agent', 'join', token, '--config', `${folder}/agent.toml`)
  const { node, current, nats_urls: urls } = JSON.parse(read(`${folder}/identity.json`))
  world.hostile = node
  world.gauge = async () => {
    const gauge = await Gauge.start(world)
    const eggId = await egg(panel, { ...gameEgg(world.image), name: 'Beside the flood' })
    world.typed = await makeServer(panel, { name: 'Typed to', egg: eggId, node: world.node, variables: { GAME: '/games/echo' } })
    world.powered = await makeServer(panel, { name: 'Powered', egg: eggId, node: world.node, variables: { GAME: '/games/echo' } })
    for (const server of [world.typed, world.powered]) await panel.state(server, 'running', 60000)
    const thread = new Worker(new URL('./hostile.mjs', import.meta.url), { workerData: { node, url: urls[0], ...current, victim: gauge.server } })
    thread.on('error', (error) => console.error(`  the hostile node: ${error.stack}`))
    world.ended.push(() => thread.terminate())
    world.does = (deed, how = {}) =>
      new Promise((done) => {
        thread.once('message', done)
        thread.postMessage({ deed, ...how })
      })
    const { ok, code, text } = await world.does('hello')
    check(ok, `its hello is taken: ${code} ${text}`)
    // Rows that it can claim to be behind on.
    for (let n = 0; n < 4; n++) await makeServer(panel, { name: `Theirs ${n}`, egg: eggId, node, variables: {} })
    return gauge
  }
}

/** How long it takes until the panel shows what the honest node says, again and again: the longest of each. */
class Honest {
  constructor(world, gauge) {
    Object.assign(this, { world, gauge, panel: world.panel, going: true, longest: { line: 0, order: 0, state: 0, console: 0 }, times: 0 })
    this.loops = [this.again(() => this.input()), this.again(() => this.power()), this.again(() => this.console())]
  }

  async again(round) {
    while (this.going) {
      await round().catch((error) => (this.failed ??= error))
      this.times += 1
      await wait(200)
    }
  }

  note(what, ms) {
    this.longest[what] = Math.max(this.longest[what], ms)
  }

  /** A line that reached the game is an event: from the answer until that is in the list. */
  async input() {
    const { typed } = this.world
    const { last } = await this.panel.get(`/events?limit=1&server=${typed}`)
    const { result } = await this.panel.post(`/servers/${typed}/input`, { line: 'are you there' })
    const since = Date.now()
    check(result === 'written', `the line is written: ${result}`)
    await until('the line to be an event', 30000, async () => (await this.panel.get(`/events?limit=100&after=${last}&server=${typed}`)).items.some(({ type }) => type.endsWith('input')), 50)
    this.note('line', Date.now() - since)
  }

  /** A state has the time of the node that said it, whose clock is ours. */
  async power() {
    const { powered } = this.world
    for (const [action, state] of [['stop', 'stopped'], ['start', 'running']]) {
      const asked = Date.now()
      await this.panel.post(`/servers/${powered}/power`, { action })
      this.note('order', Date.now() - asked)
      const now = await until(`it to be ${state}`, 30000, async () => {
        const one = await this.panel.server(powered)
        return one.state === state && one
      }, 50)
      this.note('state', Date.now() - Date.parse(now.state_since))
    }
  }

  /** From a byte that a viewer has until the database has it. */
  async console() {
    const { gauge } = this
    const upto = gauge.viewer.at
    const since = Date.now()
    await until('the console to be stored', 30000, async () => (await this.panel.all(`/servers/${gauge.server}/runs`)).find((one) => one.id === gauge.run).bytes >= upto, 50)
    this.note('console', Date.now() - since)
  }

  async end() {
    this.going = false
    await Promise.all(this.loops)
    if (this.failed) throw this.failed
    return this.longest
  }
}

const said = (longest) => Object.entries(longest).map(([what, ms]) => `${what} ${ms}`).join(', ')

const size = (folder) => readdirSync(folder).reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0)
/** What control holds: bytes of its databases, of its log and of memory. */
const held = (world) => ({
  database: size(join(world.data, 'control')),
  log: statSync(join(world.data, 'log/control.log')).size,
  memory: Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${world.pid('control')}/status`))[1]) * 1024,
})

/** Since then: what control itself says of the hostile node, which has said nothing of the kind. */
async function shown(world, ord) {
  const { conditions } = await world.panel.get(`/nodes/${world.hostile}`)
  const told = world.rows("SELECT data FROM outbox WHERE ord > ? AND node_id = ? AND kind = 'condition'", ord, world.hostile).map(({ data }) => JSON.parse(data))
  // That facts are missing is what it has said itself.
  return [...new Set([...conditions, ...told].map(({ code }) => code))].filter((code) => code !== 'facts_lost')
}

/** Why an agent that has taken all that control wants of it can't say so any more, once the key is its own again. */
async function comesBack(world) {
  const { rev } = world.rows('SELECT rev FROM nodes WHERE id = ?', world.hostile)[0]
  // A mute is longer each time, and ends with the process that passed it.
  await world.restart('control')
  const { code, text } = await until('a hello to be answered', 20000, async () => {
    const heard = await world.does('hello', { rev })
    return !['busy', 'no_answer'].includes(heard.code) && heard
  }, 1000)
  return code && `an agent that has everything, up to rev ${rev}, can't come back: ${code}, ${text}`
}

async function flooded(world, gauge, deed, perSecond) {
  const { panel, hostile } = world
  const ord = world.rows('SELECT COALESCE(MAX(ord), 0) AS ord FROM outbox')[0].ord
  const calm = new Honest(world, gauge)
  await wait(CALM_MS)
  const before = await calm.end()
  const was = held(world)
  const honest = new Honest(world, gauge)
  const done = await world.does(deed, { ms: FLOOD_MS, perSecond })
  const longest = await honest.end()
  const now = held(world)
  const answers = Object.entries(done.answers).map(([word, count]) => `${count} ${word}`).join(', ')
  const grown = ['database', 'log', 'memory'].map((what) => `${what} ${((now[what] - was[what]) / MIB).toFixed(1)} MiB`).join(', ')
  const words = `${Math.round(done.offered / (FLOOD_MS / 1000))} a second offered, ${Math.round(done.taken / (FLOOD_MS / 1000))} taken (${answers}${done.line ? `; bus: ${done.line}` : ''}); the other node's longest ms ${said(longest)} (in calm ${said(before)}); control grew: ${grown}`
  const codes = await until('the flood to be shown', SHOWN_MS, async () => {
    const codes = await shown(world, ord)
    return codes.length > 0 && codes
  }).catch(() => [])
  const wrong = []
  const late = Object.entries(longest).filter(([, ms]) => ms > WITHIN_MS)
  if (late.length) wrong.push(`what the other node says is not there within ${WITHIN_MS} ms (${late.map(([what, ms]) => `${what} ${ms}`).join(', ')})`)
  if (world.rows("SELECT COUNT(*) AS count FROM outbox WHERE ord > ? AND node_id = ? AND kind = 'offline'", ord, world.node)[0].count) wrong.push('the other node is taken for away')
  if (now.database - was.database > JOURNAL_BYTES) wrong.push('control stores more of one node in that time than the journal of an agent holds')
  const refused = await comesBack(world)
  if (refused) wrong.push(refused)
  if (!codes.length) wrong.push(`no condition and no event shows the flood (the node is ${(await panel.get(`/nodes/${hostile}`)).state})`)
  check(wrong.length === 0, `a flood harms nobody else and is shown: ${wrong.join('; ')} [${words}]`)
  return { ended: `shown as ${codes.join(', ')}; ${words}` }
}

const fault = (name, deed, perSecond, what) => ({ name, what: () => what, setting: besideHostile, run: (world, gauge) => flooded(world, gauge, deed, perSecond) })
export const flood = [
  fault('flood-facts', 'facts', 10000, '10,000 facts a second by a stolen node key'),
  fault('flood-big', 'big', 32, '32 facts of 1 MiB a second by a stolen node key'),
  fault('flood-lies', 'lies', 200, '200 hellos and heartbeats a second with made-up revs and journals'),
]
