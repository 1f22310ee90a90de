// Click to running, against `ctr run` of the same image on the same containerd, turn by turn.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { egg, gameEgg, Instance, makeServer, until, wait } from '../e2e/panel.mjs'
import { Mine } from '../e2e/mine.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' }, rounds: { type: 'string', default: '20' } } })
const rounds = Number(options.rounds)
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
const server = await makeServer(panel, { name: 'Bench start', egg: await egg(panel, gameEgg(image)), node, variables: { GAME: '/games/echo' } })
await panel.state(server, 'running', 60000)
const mine = await Mine.open(panel)

const socket = `/run/warren-${instance.claim.tag}/containerd.sock`
const ctr = (...args) => {
  const run = spawnSync('ctr', ['-a', socket, '-n', `warren-${instance.claim.tag}`, ...args], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`ctr ${args.join(' ')}: ${run.stderr}`)
}
const power = async (action, state) => {
  const seen = mine.next((event) => event.data?.server === server && event.data?.to === state)
  const start = performance.now()
  await panel.post(`/servers/${server}/power`, { action })
  await seen
  return performance.now() - start
}

const ours = []
const theirs = []
for (let round = 0; round < rounds; round++) {
  await power('stop', 'stopped')
  await wait(200)
  ours.push(await power('start', 'running'))
  const start = performance.now()
  ctr('run', '-d', image, `bench${round}`, '/games/echo')
  theirs.push(performance.now() - start)
  ctr('tasks', 'kill', '-s', 'SIGKILL', `bench${round}`)
  await until('the reference to end', 5000, () => spawnSync('ctr', ['-a', socket, '-n', `warren-${instance.claim.tag}`, 'tasks', 'rm', `bench${round}`]).status === 0)
  ctr('containers', 'rm', `bench${round}`)
}
mine.close()
const at = (list, share) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))]
const row = (name, list) => console.log(`  ${name.padEnd(28)} median ${at(list, 0.5).toFixed(0)} ms, 95 % ${at(list, 0.95).toFixed(0)} ms, worst ${at(list, 1).toFixed(0)} ms`)
console.log(`bench start, ${rounds} rounds, turn by turn`)
row('click to running', ours)
row('reference: ctr run -d', theirs)
console.log(`  ratio of medians             ${(at(ours, 0.5) / at(theirs, 0.5)).toFixed(2)} (goal 1.5)`)
process.exit(0)
