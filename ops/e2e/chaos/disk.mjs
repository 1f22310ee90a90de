// The agent's folder on a small disk of its own that fills up: to the last byte, and to the floor.
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { check, egg, gameEgg, makeServer, until, wait } from '../panel.mjs'
import { installing, remove, up } from './kills.mjs'
import { game, World } from './world.mjs'

const MIB = 1 << 20
/** How long the loud game is not listened to: longer than the room lasts that is left. */
const PILE_MS = 20000

/** A world whose node has a disk of so many MiB and keeps so many of it free. */
const onDisk = (megabytes, floor) => () =>
  World.start({
    env: { WARREN_AGENT_DISK_FLOOR_BYTES: `${floor * MIB}` },
    before: async (world) => {
      const folder = join(world.data, 'agent')
      mkdirSync(folder, { mode: 0o700 })
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { encoding: 'utf8' })
      check(mounted.status === 0, `a small disk: ${mounted.stderr}`)
      world.disk = folder
    },
  })

/** Takes all but so many bytes of the disk, and what others give back of it, until `end`. */
class Filler {
  constructor(world, leave) {
    this.file = join(world.disk, 'filler')
    this.disk = world.disk
    this.leave = leave
    this.fill()
    this.timer = setInterval(() => this.fill(), 50)
  }

  get free() {
    const { bavail, bsize } = statfsSync(this.disk)
    return bavail * bsize
  }

  fill() {
    for (let size = this.free - this.leave; size > 0; size = this.free - this.leave) {
      try {
        appendFileSync(this.file, Buffer.alloc(Math.min(size, 4 * MIB), 1))
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error
        return
      }
    }
  }

  end() {
    clearInterval(this.timer)
    rmSync(this.file, { force: true })
  }
}

const shown = (world, code) => until(`condition ${code}`, 60000, () => world.condition(code))
const over = (world, code) => until(`condition ${code} to be over`, 60000, async () => !(await world.condition(code)))

async function full(world, gauge) {
  const { panel } = world
  const server = await installing(world, world.image)
  await up(world, server)
  const process = game(server)
  const filler = new Filler(world, 0)
  let said
  try {
    const { limits } = await panel.server(server)
    await panel.patch(`/servers/${server}`, { limits: { ...limits, memory_bytes: 192 * MIB } })
    said = await shown(world, 'ledger_stuck')
    check(!(await panel.server(server)).applied, 'the change is not taken for applied')
    // The games go on and are heard while nothing can be written.
    await gauge.flows()
    check(game(server) === process, 'its game is unharmed')
  } finally {
    filler.end()
  }
  await over(world, 'ledger_stuck')
  await until('the change to be applied once there is room', 30000, async () => (await panel.server(server)).applied)
  check(game(server) === process, 'its game is unharmed afterwards')
  await remove(world, server)
  return { ended: `ledger_stuck: ${said.message}; games unharmed; healed and applied once there is room` }
}

/** What a stored console holds: bytes of the game, bytes said to be missing, and bursts' lines that came twice. */
export function stored(bytes) {
  let holes = 0
  const text = bytes.toString('latin1').replace(/\n\[warren: (\d+) bytes are missing here\]\n/g, (_, count) => {
    holes += Number(count)
    return ''
  })
  const lines = [...text.matchAll(/burst (\d{6}) (\d{9})/g)].map((match) => match[0])
  return { kept: text.length, holes, doubled: lines.length - new Set(lines).size }
}

async function killed(world, gauge) {
  const { panel, node } = world
  const server = await installing(world, world.image)
  await up(world, server)
  const process = game(server)
  const filler = new Filler(world, 0)
  let before
  try {
    before = world.log('agent').length
    world.kill('agent')
    await until('the agent to say what it lacks', 60000, () => /No space left|ENOSPC|disk/i.test(world.log('agent').slice(before)))
    check(game(server) === process, 'its game is unharmed')
  } finally {
    filler.end()
  }
  const roomy = Date.now()
  await world.online(roomy)
  await gauge.flows(roomy)
  const back = Date.now() - roomy
  check(game(server) === process, 'its game is unharmed afterwards')
  await remove(world, server)
  const said = world.log('agent').slice(before).split('\n').find((line) => /No space left|ENOSPC|disk/i.test(line))
  return { ended: `the agent says: ${said.slice(0, 200)}; back ${back} ms after there was room` }
}

async function floor(world, gauge) {
  const { panel, node } = world
  const idle = await installing(world, world.image, { start: false })
  await panel.state(idle, 'stopped', 60000)
  const eggId = await egg(panel, { ...gameEgg(world.image), name: 'Loud' })
  const loud = await makeServer(panel, { name: 'Loud', egg: eggId, node, variables: { GAME: '/games/burst 16384 1' } })
  const { run } = await panel.state(loud, 'running', 60000)
  const process = game(loud)
  const filler = new Filler(world, 24 * MIB)
  let said
  let refused
  try {
    said = await shown(world, 'disk_low')
    await panel.post(`/servers/${idle}/power`, { action: 'start' })
    refused = await until('the start to be refused with a reason', 30000, async () => {
      const now = await panel.server(idle)
      return now.state !== 'running' && now.detail
    })
    check(/disk|free/.test(refused), `it says why: ${refused}`)
    // Nobody takes what the game prints, a MiB a second, so it piles up where there is no room for it.
    await world.hold('control')
    await wait(PILE_MS)
    check(game(loud) === process, 'the loud game is unharmed')
    const back = Date.now()
    world.let('control')
    await world.online(back)
    await gauge.flows()
  } finally {
    world.let('control')
    filler.end()
  }
  await over(world, 'disk_low')
  await panel.post(`/servers/${idle}/power`, { action: 'start' })
  await panel.state(idle, 'running', 30000)
  check(game(loud) === process, 'the loud game is unharmed afterwards')
  await panel.post(`/servers/${loud}/power`, { action: 'stop' })
  await panel.state(loud, 'stopped', 30000)
  const done = await until('its console to be stored', 60000, async () => (await panel.all(`/servers/${loud}/runs`)).find((one) => one.id === run.id && one.ended_at))
  const { bytes } = await panel.raw('GET', `/api/v1/servers/${loud}/console/download?run=${run.id}`, undefined, 60000)
  const { kept, holes, doubled } = stored(bytes)
  for (const server of [idle, loud]) await remove(world, server)
  return {
    ended: `disk_low: ${said.message}; start refused: ${refused}; ${holes} of ${done.bytes} bytes of the loud console given up and said (${kept} kept); healed`,
    lost: done.bytes - kept,
    said: holes,
    doubled,
  }
}

export const disk = [
  { name: 'disk-full', what: () => "disk of the agent's ledger filled to the last byte", setting: onDisk(64, 0), run: full },
  { name: 'disk-full-killed', what: () => 'agent killed while the disk of its ledger is full', setting: onDisk(64, 0), run: killed },
  { name: 'disk-floor', what: () => 'disk beside the spool filled while a game prints and control is away', setting: onDisk(128, 32), run: floor },
]
