// kill -9 of each part while games crash and are started again, over and over: whatever it was at, each game
// starts again by itself.
import { check, egg, gameEgg, makeServer, until, wait } from '../panel.mjs'

const PARTS = ['agent', 'control', 'nats', 'containerd']
const SERVERS = 4
/** A start takes a good tenth of a second of the two thirds that a round of a crashing game takes. */
const KILLS = 12
const ROUND_MS = 700
const AGAIN_MS = 20000

async function crashing({ panel, node, image }, part) {
  const eggId = await egg(panel, { ...gameEgg(image), name: 'Started again' })
  const servers = []
  for (let n = 0; n < SERVERS; n++) {
    const server = await makeServer(panel, { name: `Started again ${part} ${n}`, egg: eggId, node, variables: { GAME: '/games/crash 3 0' } })
    await panel.patch(`/servers/${server}`, { crash_policy: { restart: true, max_restarts: 1000, window_s: 1, clean_exit_is_crash: true } })
    servers.push(server)
  }
  return servers
}

const games = async (panel, server) => (await panel.all(`/servers/${server}/runs`)).filter(({ kind }) => kind === 'game')

/** A run that began later than that. What stands in the way of it may pass, and is named if it does not. */
async function startsAgain({ panel }, server, since, when) {
  await until(`a game that crashes to be started again, ${when}`, AGAIN_MS, async () => {
    if ((await games(panel, server)).some(({ started_at: at }) => Date.parse(at) > since)) return true
    const { state, reason, detail } = await panel.server(server)
    throw new Error(`${server} is ${state} (${reason}: ${detail})`)
  })
}

async function duringStarts(world, part) {
  const { panel } = world
  const servers = await crashing(world, part)
  let longest = 0
  for (const server of servers) await until(`${server} to have crashed`, 60000, async () => (await games(panel, server)).some(({ exit_code: code }) => code === 3))
  for (let n = 1; n <= KILLS; n++) {
    await wait(Math.random() * ROUND_MS)
    await world.restart(part)
    const since = Date.now()
    for (const server of servers) await startsAgain(world, server, since, `after kill ${n}`)
    longest = Math.max(longest, Date.now() - since)
  }
  let count = 0
  for (const server of servers) {
    await panel.post(`/servers/${server}/power`, { action: 'stop' })
    await panel.state(server, 'stopped', 30000)
    const runs = await until('every run to have its end', 30000, async () => {
      const all = await games(panel, server)
      return all.every(({ ended_at: end }) => end) && all
    })
    count += runs.length
    check(new Set(runs.map(({ id }) => id)).size === runs.length, 'each run is there once')
    const { name } = await panel.server(server)
    await panel.delete(`/servers/${server}?name=${encodeURIComponent(name)}`)
  }
  return { ended: `${KILLS} kills, ${count} runs; each game started again, the last of them ${longest} ms after a kill` }
}

export const starts = PARTS.map((part) => ({ name: `start-${part}`, what: () => `kill -9 ${part} while games crash and start, ${KILLS} times`, run: (world) => duringStarts(world, part) }))
