// A search over 64 MiB of console history through the API, against `grep` over the same bytes as one plain file.
//   ops/bench search [--rounds 7] [--mebibytes 64]
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { check, egg, gameEgg, Instance, makeServer, until, wait } from '../e2e/panel.mjs'
import { Report } from './lib/report.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' }, rounds: { type: 'string', default: '7' }, mebibytes: { type: 'string', default: '64' } } })
const rounds = Number(options.rounds)
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
// One burst is 1 MiB, below the rate at which a server's console is cut.
const server = await makeServer(panel, { name: 'Bench search', egg: await egg(panel, gameEgg(image)), node, variables: { GAME: '/games/burst 16384 1' } })
await panel.state(server, 'running', 60000)
const run = async () => (await panel.all(`/servers/${server}/runs`))[0]
const report = new Report('search', `${options.mebibytes} MiB of console history, ${rounds} rounds, turn by turn`)
const wanted = Number(options.mebibytes) << 20
// The newest 64 MiB are kept, so the history must not run far beyond them.
await until('the history to be full', 600000, async () => (await run()).bytes >= wanted * 0.97, 500)
await panel.post(`/servers/${server}/power`, { action: 'kill' })
await panel.state(server, 'stopped', 30000)
await until('the run to be stored', 60000, async () => (await run()).ended_at)
await wait(2000)
const { bytes } = await panel.raw('GET', `/api/v1/servers/${server}/console/download?run=${(await run()).id}`, undefined, 60000)
const file = `${options.data}/console.txt`
writeFileSync(file, bytes)

const searched = async (text) => {
  const start = performance.now()
  const found = await panel.get(`/servers/${server}/console/search?q=${encodeURIComponent(text)}`)
  return [performance.now() - start, found.items.length]
}
const grepped = (text) => {
  const start = performance.now()
  spawnSync('grep', ['-a', '-i', '-c', '-F', text, file], { env: { LC_ALL: 'C' } })
  return performance.now() - start
}
const last = Math.floor(bytes.length / (16384 * 64)) - 1
const number = (value, digits) => String(value).padStart(digits, '0')
for (const [what, text, hits] of [
  ['a line in the middle, other case', `BURST ${number(Math.ceil(last / 2), 6)} ${number(8192, 9)}`, 1],
  ['text that is nowhere', 'no such words', 0],
]) {
  const [ours, theirs] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const [took, count] = await searched(text)
    check(count === hits, `${text} is found ${hits} times, not ${count}`)
    ours.push(took)
    theirs.push(grepped(text))
  }
  report.row({ what: `${what}, over ${(bytes.length / (1 << 20)).toFixed(1)} MiB`, unit: 'ms', better: 'lower', ours, theirs, reference: 'grep -a -i -F, one plain file' })
  report.note(`slowest answer ${Math.max(...ours).toFixed(0)} ms; at most 1000 ms are allowed`)
}
rmSync(file)
report.end()
process.exit(0)
