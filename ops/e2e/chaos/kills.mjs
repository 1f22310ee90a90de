// kill -9 of each part in the middle of a pull, of an install script and of imports of eggs.
import { check, gameEgg, until } from '../panel.mjs'

const PARTS = ['agent', 'control', 'nats', 'containerd']
/** Long enough to be hit, and each step in the log. */
const STEPS = 6
const SCRIPT = `#!/bin/sh
echo began >>/mnt/server/ran
i=0
while [ $i -lt ${STEPS} ]; do i=$((i + 1)); echo "step $i"; sleep 1; done
echo ended >>/mnt/server/ran
`
let count = 0

/** A server whose installation takes some seconds, being installed; its id and operation. */
export async function installing(world, image, { script = SCRIPT, start = true } = {}) {
  const { panel, node } = world
  count += 1
  const body = gameEgg(image, { name: `Chaos ${Date.now().toString(36)} ${count}` })
  body.scripts.installation.script = script
  const { egg } = await panel.post('/eggs/import', body)
  const { server } = await panel.post('/servers', {
    name: `Chaos ${count}`,
    egg: egg.id,
    node,
    variables: { GAME: '/games/echo' },
    limits: { memory_bytes: 128 << 20, swap_bytes: 0, disk_bytes: 1 << 30, cpu_percent: 100 },
    ports: {},
    start_after_install: start,
  })
  return server.id
}

/** The only operation of a server, once it has ended. */
export async function ended(world, server, limitMs = 120000) {
  return until(`the operation of ${server} to end`, limitMs, async () => {
    const all = await world.panel.all(`/operations?server=${server}`)
    check(all.length <= 1, `one operation, not ${all.length}`)
    return all[0]?.ended_at && all[0]
  })
}

/** Running, or the reason why it is not. */
export async function up(world, server, limitMs = 60000) {
  const now = await until(`${server} to run or to fail`, limitMs, async () => {
    const one = await world.panel.server(server)
    return ['running', 'error'].includes(one.state) && !one.operation && one
  })
  check(now.state === 'running', `${server} runs, and is not in ${now.state} (${now.reason}: ${now.detail})`)
  return now
}

export async function remove(world, server) {
  const { name } = await world.panel.server(server)
  await world.panel.delete(`/servers/${server}?name=${encodeURIComponent(name)}`)
}

const step = (world, server, is) =>
  until(`the operation to be at its work`, 60000, async () => {
    const [one] = await world.panel.all(`/operations?server=${server}`)
    check(!one?.ended_at, `it must not have ended: ${one?.message}`)
    return one && is(one)
  })

/** What an install that was disturbed must have come to: done once, or a clear failure that a retry mends. */
async function settled(world, server) {
  const operation = await ended(world, server)
  let said = `install ${operation.state}`
  if (operation.state !== 'done') {
    check(operation.message, `a failed install says why (${operation.state}, ${operation.code})`)
    said += ` (${operation.message}), retry done`
    await world.panel.post(`/servers/${server}/reinstall`, { wipe: true })
    await world.panel.post(`/servers/${server}/power`, { action: 'start' }).catch(() => {})
  }
  const now = await world.panel.state(server, 'running', 60000)
  const { text } = await world.panel.raw('GET', `/api/v1/servers/${server}/files/content?path=/ran`)
  const begun = text.split('began').length - 1
  const finished = text.split('ended').length - 1
  const facts = world.rows("SELECT COUNT(*) AS count FROM facts WHERE server_id = ? AND kind = 'job_ended'", server)[0].count
  check(finished === 1, `the script came to its end once (${JSON.stringify(text)})`)
  await until('no install container to stay', 20000, () => !world.containers().includes(`${server}.install`))
  return { ended: `${said}, ${now.state}`, doubled: begun - 1 + facts - (operation.state === 'done' ? 1 : 2) }
}

async function duringPull(world, part) {
  const { image } = await world.registry.pushBig(24)
  // Six seconds for the layer.
  world.registry.rate = 4 << 20
  try {
    const server = await installing(world, image)
    await step(world, server, (one) => one.step === 'pulling the image' && one.percent > 15)
    await world.restart(part)
    const outcome = await settled(world, server)
    await remove(world, server)
    return outcome
  } finally {
    world.registry.rate = 0
  }
}

async function duringScript(world, part) {
  const server = await installing(world, world.image)
  const log = async () => (await world.panel.raw('GET', `/api/v1/servers/${server}/install-log`)).text
  await until('the script to be at its work', 60000, async () => (await log()).includes('step 2'))
  await world.restart(part)
  const outcome = await settled(world, server)
  const text = await log()
  const steps = [...text.matchAll(/step (\d)/g)].map((match) => Number(match[1]))
  const lost = STEPS - new Set(steps).size
  await remove(world, server)
  return { ...outcome, lost, doubled: outcome.doubled + steps.length - new Set(steps).size }
}

async function duringImport(world, part) {
  const many = 200
  const body = (name) => ({
    ...gameEgg(world.image, { name }),
    variables: Array.from({ length: many }, (_, n) => ({ name: `V${n}`, description: 'x'.repeat(200), env_variable: `V${n}`, default_value: `${n}`, user_viewable: true, user_editable: true, rules: 'required|string', field_type: 'text' })),
  })
  const names = Array.from({ length: 24 }, (_, n) => `Import ${part} ${Date.now().toString(36)} ${n}`)
  const results = names.map((name) => world.panel.post('/eggs/import', body(name)).then(({ egg }) => egg.id, (error) => error))
  // In the middle: some are answered, some are not.
  await Promise.race(results)
  await world.restart(part)
  const answers = await Promise.all(results)
  await until('the panel to answer', 30000, () => world.panel.get('/eggs?limit=1').then(() => true))
  const there = (await world.panel.all('/eggs')).filter((one) => names.includes(one.name))
  let halves = 0
  for (const { id } of there) halves += (await world.panel.get(`/eggs/${id}`)).variables.length === many ? 0 : 1
  check(halves === 0, `no egg is half there (${halves} are)`)
  const answered = answers.filter((answer) => typeof answer === 'string')
  const lost = answered.filter((id) => !there.some((one) => one.id === id)).length
  const doubled = there.length - new Set(there.map((one) => one.name)).size
  // What got no answer is tried again, as a person would who does not find it in the list.
  for (const name of names.filter((one) => !there.some((egg) => egg.name === one))) await world.panel.post('/eggs/import', body(name))
  const whole = (await world.panel.all('/eggs')).filter((one) => names.includes(one.name))
  check(whole.length === names.length, `every egg is there in the end (${whole.length} of ${names.length})`)
  for (const { id } of whole) await world.panel.delete(`/eggs/${id}`)
  return { ended: `${answered.length} of ${names.length} answered, ${there.length} whole, none half; the rest taken on retry`, lost, doubled }
}

const each = (name, what, run) => PARTS.map((part) => ({ name: `${name}-${part}`, what: () => `kill -9 ${part} during ${what}`, run: (world) => run(world, part) }))
export const kills = [...each('pull', 'an image pull', duringPull), ...each('script', 'an install script', duringScript), ...each('import', 'imports of eggs', duringImport)]
