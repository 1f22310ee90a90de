// Control's database is put back as it was an hour ago.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { check, gameEgg, until } from '../panel.mjs'
import { installing, up } from './kills.mjs'
import { game } from './world.mjs'

const database = (world) => join(world.data, 'control')
const files = (folder) => readdirSync(folder).filter((name) => /\.db(-wal|-shm)?$/.test(name))

async function restored(world, gauge) {
  const { panel, node } = world
  const copy = join(world.folder, 'copy')
  mkdirSync(copy)
  const kept = await installing(world, world.image)
  const changed = await installing(world, world.image, { start: false })
  await up(world, kept)
  await panel.state(changed, 'stopped', 60000)
  await world.hold('control')
  for (const name of files(database(world))) copyFileSync(join(database(world), name), join(copy, name))
  const since = Date.now()
  world.let('control')
  await world.online(since)

  const fresh = await installing(world, world.image)
  await up(world, fresh)
  await panel.post(`/servers/${changed}/power`, { action: 'start' })
  await panel.state(changed, 'running', 60000)
  const { limits } = await panel.server(kept)
  await panel.patch(`/servers/${kept}`, { limits: { ...limits, memory_bytes: 192 << 20 } })
  await until('the change to be applied', 30000, async () => (await panel.server(kept)).applied)
  const games = [kept, changed, fresh].map((server) => [server, game(server)])
  check(games.every(([, process]) => process), 'all three games run')
  const ahead = world.rows('SELECT rev, applied_rev FROM nodes WHERE id = ?', node)[0]

  await world.hold('control')
  for (const name of files(database(world))) rmSync(join(database(world), name))
  for (const name of files(copy)) copyFileSync(join(copy, name), join(database(world), name))
  const old = world.rows('SELECT rev FROM nodes WHERE id = ?', node)[0]
  check(old.rev < ahead.applied_rev, `the copy is behind the node (${old.rev}, ${ahead.applied_rev})`)
  const back = Date.now()
  world.let('control')
  await world.online(back)
  const healed = await until('revs above those of the node', 30000, () => world.rows('SELECT rev, applied_rev FROM nodes WHERE id = ?', node).find((row) => row.rev >= ahead.applied_rev && row.applied_rev === row.rev))
  const orphans = await until('the forgotten server among the orphans', 30000, async () => (await panel.get(`/nodes/${node}/orphans`)).items.some((one) => one.server === fresh) && (await panel.all(`/nodes/${node}/orphans`)))
  check(orphans.length === 1, `no other is an orphan: ${JSON.stringify(orphans)}`)
  await until('the server that was started since to be seen running', 30000, async () => (await panel.server(changed)).state === 'running')
  const same = () => games.forEach(([server, process]) => check(game(server) === process, `${server} kept its process (was ${process}, is ${game(server)})`))
  same()
  // Its egg went with the database that was put away; the refusal says what to do.
  const refused = await panel.post(`/nodes/${node}/orphans/${fresh}`, { action: 'adopt' }).catch((error) => error)
  check(refused.code === 'egg_unknown', `the egg is missing, and it is said: ${refused.message}`)
  const { egg } = await panel.post('/eggs/import', gameEgg(world.image))
  await panel.post(`/nodes/${node}/orphans/${fresh}`, { action: 'adopt', egg: egg.id })
  await panel.state(fresh, 'running', 30000)
  // Orders of the old database reach the node, which had seen higher numbers.
  await panel.patch(`/servers/${kept}`, { limits: { ...limits, memory_bytes: 160 << 20 } })
  await until('a change after the restore to be applied', 30000, async () => (await panel.server(kept)).applied)
  check((await panel.server(kept)).limits.memory_bytes === 160 << 20, 'it is the new limit')
  same()
  await panel.post(`/servers/${changed}/power`, { action: 'stop' })
  await panel.state(changed, 'stopped', 30000)
  for (const [server] of games) {
    const { text } = await panel.raw('GET', `/api/v1/servers/${server}/files/content?path=/ran`)
    check(text === 'began\nended\n', `the files of ${server} are there: ${text}`)
  }
  const forgotten = gauge.facts().lost
  return {
    ended: `node ahead healed (rev ${ahead.rev}, copy ${old.rev}, now ${healed.rev}), 1 orphan shown and adopted, 4 games kept their pid${forgotten ? `; ${forgotten} facts went with the database that was put away` : ''}`,
    said: forgotten,
  }
}

export const restore = [{ name: 'database-restored', what: () => "control's database put back as it was earlier", run: restored }]
