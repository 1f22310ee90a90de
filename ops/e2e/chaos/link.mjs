// A node behind NAT whose line is cut without a word, and a control that is away: games print and crash
// meanwhile, and all of it arrives once.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Harness } from '../harness.mjs'
import { check, egg, gameEgg, makeServer, until, wait } from '../panel.mjs'
import { events } from './bus.mjs'
import { Gauge } from './gauge.mjs'
import { World } from './world.mjs'

const CRASH_S = 3

/** A server that crashes every few seconds and is started again by the agent alone. */
async function crashing(panel, node, image) {
  const eggId = await egg(panel, { ...gameEgg(image), name: `Crashing ${image}` })
  const server = await makeServer(panel, { name: 'Crashes', egg: eggId, node, variables: { GAME: `/games/crash 3 ${CRASH_S}` } })
  await panel.patch(`/servers/${server}`, { crash_policy: { restart: true, max_restarts: 1000, window_s: 60, clean_exit_is_crash: true } })
  await until('the crashing server to crash', 60000, async () => (await runs(panel, server)).length > 1)
  return server
}

const runs = async (panel, server) => (await panel.all(`/servers/${server}/runs`)).filter((run) => run.kind === 'game')

/** What arrived late: every run and event once, each run with its end. */
async function arrived(panel, server, before, seconds) {
  const now = await until('the crashes from meanwhile', 60000, async () => {
    const all = await runs(panel, server)
    return all.length >= before + Math.floor(seconds / 20) && all.filter((run) => !run.ended_at).length <= 1 && all
  })
  const ids = new Set(now.map((run) => run.id))
  const said = await events(panel, server)
  const doubled = now.length - ids.size + said.length - new Set(said.map((event) => event.id)).size
  const odd = now.filter((run) => run.ended_at && run.exit_code !== 3)
  check(odd.length === 0, `every run ended as it did: ${JSON.stringify(odd)}`)
  return { late: now.length - before, events: said.length, doubled }
}

/** A panel on a network of its own and a node behind a router's NAT; nothing can reach the node. */
async function behindNat() {
  const lab = await Harness.start('netlab')
  let world
  try {
    world = await World.start({ words: ['--public', '--address', lab.facts.hub] })
  } catch (error) {
    await lab.end()
    throw error
  }
  world.lab = lab
  world.ended.unshift(() => lab.end())
  try {
    await joinFar(world)
  } catch (error) {
    await world.end()
    throw error
  }
  return world
}

async function joinFar(world) {
  const { panel, lab } = world
  const inside = (command, ...args) => spawn('nsenter', [`--net=/run/netns/${lab.facts.client}`, command, ...args], { stdio: 'ignore' })
  const run = (command, ...args) => spawnSync('nsenter', [`--net=/run/netns/${lab.facts.client}`, command, ...args], { encoding: 'utf8', timeout: 60000 })
  const containerd = await Harness.start('containerd')
  world.ended.push(() => containerd.end())
  const folder = join(world.folder, 'far')
  mkdirSync(folder)
  writeFileSync(`${folder}/registry.yml`, `version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: ${folder}/registry}\nhttp:\n  addr: 127.0.0.1:5000\n`)
  const registry = inside('docker-registry', 'serve', `${folder}/registry.yml`)
  world.ended.push(() => registry.kill('SIGKILL'))
  const image = await until('the registry beside the node', 20000, () => {
    const pushed = run(`${process.env.WARREN_BIN_DIR}/warren-harness`, 'push-game', '5000', 'chaos/game', '1')
    return pushed.status === 0 && JSON.parse(pushed.stdout).image
  })
  const { socket, runc_root, tag, cgroup_parent, subnet, uid_base } = containerd.facts
  const settings = { data_dir: `${folder}/data`, containerd_address: socket, runc_root, tag, cgroup_parent, bridge_subnet: subnet, uid_base }
  writeFileSync(`${folder}/agent.toml`, Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join(''), { mode: 0o600 })
  const { token } = await panel.post('/nodes/tokens')
  const agent = `${process.env.WARREN_BIN_DIR}/warren-agent`
  const joined = run(agent, 'join', token, '--config', `${folder}/agent.toml`)
  check(joined.status === 0, `the machine joins: ${joined.stdout}${joined.stderr}`)
  const out = openSync(join(world.data, 'log/far-agent.log'), 'a')
  const child = spawn('nsenter', [`--net=/run/netns/${lab.facts.client}`, agent, 'run', '--config', `${folder}/agent.toml`], { stdio: ['ignore', out, out] })
  closeSync(out)
  world.ended.push(async () => {
    const over = new Promise((done) => child.once('exit', done))
    child.kill('SIGKILL')
    await over
  })
  const far = await until('the node behind NAT', 30000, async () => (await panel.all('/nodes')).find((node) => node.id !== world.node && node.state === 'online')?.id)
  Object.assign(world, { far, farImage: image })
  world.gauge = () => Gauge.start(world, { node: far, image })
}

async function cut(world, gauge, { cut: seconds }) {
  const { panel, lab, far } = world
  const server = await crashing(panel, far, world.farImage)
  const before = (await runs(panel, server)).length
  await lab.ask('cut')
  const since = Date.now()
  await until('the cut to be noticed', 40000, async () => (await panel.get(`/nodes/${far}`)).state === 'offline', 200)
  const noticed = Date.now() - since
  await wait(Math.max(0, seconds * 1000 - (Date.now() - since)))
  await lab.ask('heal')
  const healed = Date.now()
  await until('the node to be back', 60000, async () => (await panel.get(`/nodes/${far}`)).state === 'online')
  const back = Date.now() - healed
  await gauge.flows(healed)
  const { late, events: count, doubled } = await arrived(panel, server, before, seconds)
  return { ended: `offline after ${noticed} ms, back ${back} ms after the line; ${late} runs and ${count} events of the crashing game, each once`, doubled }
}

async function gone(world, gauge, { away: seconds }) {
  const { panel, node } = world
  const server = await crashing(panel, node, world.image)
  const before = (await runs(panel, server)).length
  await world.hold('control')
  await wait(seconds * 1000)
  const since = Date.now()
  world.let('control')
  await gauge.flows(since)
  const flows = Date.now() - since
  await world.online(since)
  const { late, events: count, doubled } = await arrived(panel, server, before, seconds)
  return { ended: `console and commands flow ${flows} ms after control was let in; ${late} runs and ${count} events of the crashing game, each once`, doubled }
}

export const link = [{ name: 'link-cut', what: ({ cut: seconds }) => `link of a node behind NAT cut silently for ${seconds} s`, setting: behindNat, run: cut }]
export const away = [{ name: 'control-away', what: ({ away: seconds }) => `control away for ${seconds} s`, run: gone }]
