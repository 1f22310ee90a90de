// How late console lines come while a file of the same server goes through the same node, gateway and broker, beside the same
// console alone, turn by turn. The game writes the time before each of its lines; the clock is the machine's own.
//   ops/bench mixed [--rounds 5] [--seconds 10] [--lines 50] [--mib 1024]
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { check, egg, gameEgg, Instance, until, wait } from '../e2e/panel.mjs'
import { Viewer } from '../e2e/viewer.mjs'
import { at, median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '10' }, lines: { type: 'string', default: '50' }, mib: { type: 'string', default: '1024' } },
})
const [rounds, seconds, rate, mib] = ['rounds', 'seconds', 'lines', 'mib'].map((name) => Number(options[name]))
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
// The time comes from a program behind the game's, so the start command is a pipe.
const body = gameEgg(image, { name: 'Lines with their time' })
body.startup = `/games/lines ${rate} | ts %.s`
body.config.startup = '{"done": " ready"}'
const { server } = await panel.post('/servers', {
  name: 'Bench mixed',
  egg: await egg(panel, body),
  node,
  limits: { memory_bytes: 128 << 20, swap_bytes: 0, disk_bytes: (mib * 4 + 1024) * (1 << 20), cpu_percent: 100 },
  ports: {},
  start_after_install: true,
})
await until('the game to run', 60000, async () => ['starting', 'running'].includes((await panel.server(server.id)).state))

let late = []
let rest = ''
const viewer = new Viewer(panel, server.id, (bytes) => {
  const now = Date.now()
  const lines = (rest + bytes.toString('latin1')).split('\n')
  rest = lines.pop()
  for (const line of lines) {
    const written = /^(\d+\.\d+) line /.exec(line)
    if (written) late.push(now - Number(written[1]) * 1000)
  }
})
await until('lines with their times', 30000, () => late.length > rate)

const source = mkdtempSync('/dev/shm/warren-mixed-')
process.on('exit', () => rmSync(source, { recursive: true, force: true }))
const file = openSync(`${source}/file`, 'w')
const block = randomBytes(1 << 20)
for (let n = 0; n < mib; n++) writeSync(file, block)
closeSync(file)

/** A program of its own, so that the clock of the viewer is not held up; again and again for as long as the round takes. */
class Transfer {
  constructor(way) {
    this.way = way
    this.bytes = 0
    this.loop = this.run()
  }

  async run() {
    const { ticket } = await panel.post(`/servers/${server.id}/ticket`)
    const address = `${panel.url.origin}/transfer/${server.id}/file?path=big.bin`
    const words = this.way === 'up' ? ['-T', `${source}/file`, '-H', 'expect:', `${address}&overwrite=1`] : [address]
    while (!this.over) {
      this.child = spawn('curl', ['-sS', '-k', '-f', '-o', '/dev/null', '-w', '%{size_download} %{size_upload}', '-H', `x-warren-ticket: ${ticket}`, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      this.child.stdout.on('data', (text) => (said += text))
      const code = await new Promise((done) => this.child.on('exit', done))
      check(this.over || code === 0, `curl ${this.way} ended with ${code}`)
      this.bytes += said.split(' ').reduce((sum, n) => sum + Number(n), 0)
    }
  }

  async end() {
    this.over = true
    this.child?.kill()
    await this.loop
  }
}

async function measure(way) {
  const transfer = way && new Transfer(way)
  // What begins is not what runs.
  await wait(1500)
  late = []
  const began = Date.now()
  await wait(seconds * 1000)
  const took = late
  await transfer?.end()
  check(took.length > (rate * seconds) / 2, `lines came: ${took.length} in ${Date.now() - began} ms`)
  return { p50: at(took, 0.5), p99: at(took, 0.99), bytes: transfer?.bytes }
}

const report = new Report('mixed', `${rate} lines/s, one viewer, ${rounds} rounds of ${seconds} s; files of ${mib} MiB over HTTP through the gateway`)
// The file has to be there to come down.
const first = new Transfer('up')
await until('the file to be there', 600000, () => first.bytes > 0)
await first.end()
const got = { alone: [], down: [], up: [] }
for (let round = 0; round < rounds; round++) {
  for (const way of Object.keys(got)) got[way].push(await measure(way === 'alone' ? undefined : way))
}
for (const way of ['down', 'up']) {
  for (const share of ['p99', 'p50']) {
    report.row({
      what: `how late a line comes while a file goes ${way}, ${share}`,
      unit: 'ms',
      better: 'lower',
      ours: got[way].map((one) => one[share]),
      theirs: got.alone.map((one) => one[share]),
      reference: 'the same console alone',
      ...(share === 'p99' ? { goal: 1 / 1.5, stretch: 1 / 1.2 } : {}),
    })
  }
}
report.note('curl, the viewer and the game have the same cores as Warren; a line waits up to 25 ms for its frame where another one went before it')
await viewer.end()
report.end()
await panel.delete(`/servers/${server.id}?name=${encodeURIComponent('Bench mixed')}`)
process.exit(0)
