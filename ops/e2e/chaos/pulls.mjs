// The registry goes away in the middle of a pull, or sends other bytes than it promised.
import { check, until } from '../panel.mjs'
import { ended, installing, remove } from './kills.mjs'

/** The failure as it is shown, and that a retry works once `mend` has mended. */
async function failsAndMends(world, server, names, mend) {
  const { panel } = world
  const operation = await ended(world, server, 240000)
  check(operation.state === 'failed', `the install fails, and is not ${operation.state}`)
  for (const name of names) check(operation.message.includes(name), `the message names ${name}: ${operation.message}`)
  const shown = await panel.state(server, 'error', 10000)
  check(shown.detail && names.every((name) => shown.detail.includes(name)), `the server's state says so: ${shown.detail}`)
  await mend()
  const again = await panel.post(`/servers/${server}/reinstall`, { wipe: false })
  const done = await until('the retry to end', 120000, async () => {
    const now = await panel.get(`/operations/${again.id}`)
    return now.ended_at && now
  })
  check(done.state === 'done', `the retry works: ${done.message}`)
  // The start that was asked for with the install may have ended with its failure.
  const { state } = await until('the server to stand', 30000, async () => {
    const now = await panel.server(server)
    return ['stopped', 'running'].includes(now.state) && !now.operation && now
  })
  if (state === 'stopped') await panel.post(`/servers/${server}/power`, { action: 'start' })
  await panel.state(server, 'running', 30000)
  await remove(world, server)
  return { ended: `${shown.state}: ${operation.message}; retry done (${state})` }
}

async function down(world) {
  const { registry, panel } = world
  const { image } = await registry.pushBig(24)
  registry.rate = 4 << 20
  const server = await installing(world, image)
  await until('the pull to be under way', 60000, async () => (await panel.all(`/operations?server=${server}`))[0]?.percent > 15)
  registry.away()
  registry.rate = 0
  return failsAndMends(world, server, [registry.host], () => registry.open())
}

async function lies(world) {
  const { registry } = world
  const { image, digest } = await registry.pushBig(4)
  registry.damaged = digest
  return failsAndMends(world, await installing(world, image), [digest], () => (registry.damaged = undefined))
}

export const registry = [
  { name: 'registry-down', what: () => 'registry away during a pull', run: down },
  { name: 'registry-lies', what: () => 'registry sends a damaged layer', run: lies },
]
