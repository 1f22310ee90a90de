// The stream of events is lost with all that it held.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { check, until } from '../panel.mjs'
import { Reader } from './bus.mjs'
import { installing, up } from './kills.mjs'

async function lost(world) {
  const { panel } = world
  const reader = new Reader(await panel.post('/event-consumers', { name: 'chaos' }))
  try {
    const server = await installing(world, world.image)
    await up(world, server)
    const before = await reader.caughtUp(panel)
    await world.hold('nats')
    rmSync(join(world.data, 'nats/js'), { recursive: true })
    // What is committed meanwhile has no stream to go to.
    const patched = await panel.patch(`/servers/${server}`, { name: 'Renamed without a bus' })
    check(patched, 'changes are taken without a bus')
    const gone = Date.now()
    const came = reader.came.length
    world.let('nats')
    await world.online(gone)
    await panel.post(`/servers/${server}/power`, { action: 'stop' })
    await panel.state(server, 'stopped', 30000)
    const after = await reader.caughtUp(panel)
    await until('every event to be marked as stored', 20000, () => world.rows('SELECT COUNT(*) AS n FROM outbox WHERE published_at_ms IS NULL')[0].n === 0)
    const sequences = new Map([...reader.events.values()].map((event) => [event.sequence, event.id]))
    const again = reader.came.slice(came)
    const last = new Map()
    const firsts = new Set()
    let disorder = 0
    for (const event of again) {
      if (firsts.has(event.id)) continue
      firsts.add(event.id)
      if (Number(event.sequence) < (last.get(event.subject) ?? 0)) disorder += 1
      last.set(event.subject, Number(event.sequence))
    }
    check(disorder === 0, `events of one subject come in their order (${disorder} do not)`)
    check(before.every(({ id }) => again.some((event) => event.id === id)), 'the new stream holds the events from before, too')
    return {
      ended: `EVENT filled again: ${after.length} events, each by id once (${reader.came.length} deliveries)`,
      lost: after.filter(({ id }) => !reader.events.has(id)).length,
      doubled: reader.events.size - sequences.size,
    }
  } finally {
    await reader.end()
  }
}

export const stream = [{ name: 'jetstream-deleted', what: () => 'JetStream store deleted while nats is down', run: lost }]
