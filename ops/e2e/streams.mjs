// Files of a server whose node is behind NAT, through the panel's address: the SFTP clients that people use at real work,
// rights that end, what an egg keeps back, and a large file both ways over a line that is cut.
//
//   node streams.mjs --data DIR [--mib 64] [--rounds 3]      --mib 1024 for a whole GiB
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { farMachine, joinMachine, publicPanel } from './far.mjs'
import { check, egg, gameEgg, Panel, PASSWORD } from './panel.mjs'
import { throughCuts } from './streams/bulk.mjs'
import { clientsWork } from './streams/clients.mjs'
import { deafClients } from './streams/deaf.mjs'
import { DENYLIST, deniedAtEachDoor, SECRETS } from './streams/denied.mjs'
import { FILES, Person } from './streams/person.mjs'
import { refusals, withdrawals } from './streams/withdrawal.mjs'
import { tell } from './tale.mjs'

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    port: { type: 'string' },
    'gateway-port': { type: 'string' },
    'nats-port': { type: 'string' },
    'agent-port': { type: 'string' },
    'sftp-port': { type: 'string' },
    mib: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
  },
})
const mib = Number(options.mib)
check(mib >= 16 && mib % 4 === 0, '--mib takes a multiple of 4 from 16 on')
const ended = []
const began = performance.now()
const say = (text) => console.log(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`)

async function makeWorld() {
  const { lab, instance } = await publicPanel(options, ended)
  const panel = await instance.panel('streams')
  const boss = new Panel(instance.ready.url, { address: '127.0.0.1' })
  await boss.login(instance.admin.user, PASSWORD)
  const machine = await farMachine(lab.facts.client, ended)
  const { node, pid } = await joinMachine(panel, machine, ended)
  say(`a node behind NAT in ${lab.facts.client} dialled out to the panel at ${lab.facts.hub}`)
  const body = gameEgg(machine.image, { name: 'Keeps things back' })
  body.file_denylist = DENYLIST
  body.scripts.installation.script = `#!/bin/sh\n${SECRETS}\n`
  const { server } = await panel.post('/servers', {
    name: 'Far files',
    egg: await egg(panel, body),
    node: node.id,
    variables: { GAME: '/games/echo' },
    limits: { memory_bytes: 128 << 20, swap_bytes: 0, disk_bytes: (mib * 3 + 1024) * (1 << 20), cpu_percent: 100 },
    ports: {},
    start_after_install: true,
  })
  await panel.state(server.id, 'running', 60000)
  const folder = mkdtempSync(join(tmpdir(), 'warren-streams-'))
  ended.push(() => rmSync(folder, { recursive: true, force: true }))
  const person = await Person.make(boss, instance.ready.url, `ann${Date.now().toString(36)}`, folder)
  await boss.post(`/servers/${server.id}/users`, { login: person.name, keys: FILES })
  const place = await person.reach(server.id)
  check(place.host === lab.facts.hub && place.port === options['sftp-port'], `the panel says where SFTP is: ${place.host}:${place.port}`)
  say('a server of an egg with a denylist, shared with somebody who has a password, an API key and an SSH key')
  return { lab, panel, boss, person, server: server.id, folder, root: `${machine.files}/data/servers/${server.id}`, pids: { gateway: instance.pid('gateway'), control: instance.pid('control'), agent: pid } }
}

async function main() {
  const world = await makeWorld()
  for (const line of clientsWork(world)) say(line)
  say(await deniedAtEachDoor(world))
  say(await refusals(world))
  for (const line of await withdrawals(world, Number(options.rounds))) say(line)
  for (const line of await throughCuts(world, mib)) say(line)
  say(await deafClients(world))
}

await tell('streams', ended, main)
