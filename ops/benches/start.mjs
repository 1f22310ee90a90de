// Click to running, against `ctr run` of the same image on the same containerd, turn by turn.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { egg, gameEgg, Instance, makeServer, until, wait } from '../e2e/panel.mjs'
import { Mine } from '../e2e/mine.mjs'
import { at, Report } from './lib/report.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' }, rounds: { type: 'string', default: '20' } } })
const rounds = Number(options.rounds)
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
const server = await makeServer(panel, { name: 'Bench start', egg: await egg(panel, gameEgg(image)), node, variables: { GAME: '/games/echo' } })
await panel.state(server, 'running', 60000)
const mine = await Mine.open(panel)
const report = new Report('start', `${rounds} rounds, turn by turn`)

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
report.row({ what: 'click to running, at the browser', unit: 'ms', better: 'lower', ours, theirs, reference: 'ctr run -d of the same image', goal: 1 / 1.5 })
report.note(`95 % of our starts within ${at(ours, 0.95).toFixed(0)} ms, worst ${Math.max(...ours).toFixed(0)} ms`)
report.end()
process.exit(0)
