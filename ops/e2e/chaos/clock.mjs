// The agent's clock is off: only the calendar, as where NTP is missing; the monotonic one runs on. Its
// containerd, which would share a real machine's clock, can't be faked and keeps the right time: a pull's
// lease ends an hour ahead by the agent's clock, so that an agent an hour behind makes leases that have ended.
import { readdirSync } from 'node:fs'
import { check, until } from '../panel.mjs'
import { installing, remove, up } from './kills.mjs'

/** Path of the library that gives a program another calendar. */
export function faketime() {
  const found = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib'].flatMap((folder) => {
    try {
      return readdirSync(`${folder}/faketime`).map((name) => `${folder}/faketime/${name}`)
    } catch {
      return []
    }
  })
  const library = found.find((path) => path.endsWith('libfaketime.so.1'))
  check(library, 'libfaketime is installed (Debian package faketime)')
  return library
}

async function off(world, minutes) {
  const { panel } = world
  world.environment('agent', { LD_PRELOAD: faketime(), FAKETIME: `${minutes > 0 ? '+' : ''}${minutes}m`, DONT_FAKE_MONOTONIC: '1' })
  try {
    await world.restart('agent')
    const { message, level } = await until('the skew to be shown', 30000, () => world.condition('clock_skew'))
    const said = Number(/(\d+) s/.exec(message)?.[1])
    check(Math.abs(said - Math.abs(minutes) * 60) < 5, `it says how much: ${message}`)
    check(message.includes(minutes > 0 ? 'ahead' : 'behind'), `it says which way: ${message}`)
    const server = await installing(world, world.image)
    await up(world, server)
    const { result } = await panel.post(`/servers/${server}/input`, { line: 'what time is it' })
    check(result === 'written', `a line is written: ${result}`)
    await panel.post(`/servers/${server}/power`, { action: 'restart' })
    await until('the restart', 30000, async () => (await panel.all(`/servers/${server}/runs`)).filter((run) => run.kind === 'game').length === 2)
    await panel.state(server, 'running', 30000)
    const listing = await panel.get(`/servers/${server}/files?path=/`)
    check(listing.items.some((item) => item.name === 'ran'), 'files can be listed')
    await remove(world, server)
    world.environment('agent')
    await world.restart('agent')
    await until('the skew to be over', 30000, async () => !(await world.condition('clock_skew')))
    return { ended: `install, start, input, restart, files and delete work; ${level}: ${message}; gone once the clock is right` }
  } finally {
    world.environment('agent')
  }
}

export const clock = [
  { name: 'clock-ahead', what: () => "agent's clock an hour ahead", run: (world) => off(world, 60) },
  { name: 'clock-behind', what: () => "agent's clock 50 min behind", run: (world) => off(world, -50) },
]
