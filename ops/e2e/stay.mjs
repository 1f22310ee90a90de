// Ctrl-C ends Warren and leaves the games running; what they print meanwhile is in the console after the
// next start.
//
//   node stay.mjs --data DIR     with the options of that instance's `up` in WARREN_UP_ARGS, one per line
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pushGame } from './harness.mjs'
import { check, egg, gameEgg, gameProcess, Instance, makeServer, until, wait } from './panel.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' } } })
const read = (path) => readFileSync(path, 'utf8')
let instance = new Instance(options.data)
let panel = await instance.panel('stay')
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
const name = `Stays ${Date.now().toString(36)}`
const server = await makeServer(panel, { name, egg: await egg(panel, gameEgg(image)), node, variables: { GAME: '/games/lines 100' } })
const { run } = await panel.state(server, 'running', 60000)
const game = gameProcess(readdirSync, read, server)
check(game, 'the game is found')

const pids = ['agent', 'gateway', 'control', 'nats', 'containerd'].map((part) => instance.pid(part))
process.kill(instance.pid('supervisor'), 'SIGINT')
await until('all parts to end', 40000, () => pids.every((pid) => !existsSync(`/proc/${pid}`)))
check(gameProcess(readdirSync, read, server) === game, 'the game runs on')
await wait(5000)
const since = Date.now()
const up = spawnSync(`${process.env.WARREN_BIN_DIR}/warren-ops`, ['up', ...process.env.WARREN_UP_ARGS.split('\n').filter(Boolean)], { encoding: 'utf8' })
check(up.status === 0, `it starts again: ${up.stdout}${up.stderr}`)
console.log(`  started again in ${((Date.now() - since) / 1000).toFixed(1)} s; the game ran on`)

instance = new Instance(options.data)
panel = await instance.panel('stay')
const now = await panel.state(server, 'running', 20000)
check(now.run.id === run.id, 'it is the same run')
check(gameProcess(readdirSync, read, server) === game, 'the game kept its process')
await wait(3000)
await panel.post(`/servers/${server}/power`, { action: 'stop' })
await panel.state(server, 'stopped', 30000)
let numbers = []
// Some two seconds before, five without Warren, four after, at no more than 100 lines a second.
await until('the console to hold what was printed meanwhile', 30000, async () => {
  const { text } = await panel.raw('GET', `/api/v1/servers/${server}/console/download?run=${run.id}`)
  numbers = [...text.matchAll(/line (\d{9})/g)].map((match) => Number(match[1]))
  return numbers.length > 500
})
const hole = numbers.findIndex((number, at) => number !== at + 1)
check(hole === -1, `every line is there once (hole at ${hole})`)
console.log(`  ${numbers.length} lines without a hole, those printed while nothing of Warren ran included`)
await panel.delete(`/servers/${server}?name=${encodeURIComponent(name)}`)
console.log('stay: passed')
process.exit(0)
