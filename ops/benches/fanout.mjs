// One console to many viewers: CPU of the gateway per line and viewer, beside a Node broadcaster with the `ws`
// library that encodes JSON for each viewer, as peers do, and beside one bare write to each socket. Turn by turn in the
// same run; needs no instance.
//   ops/bench fanout [--viewers 1000] [--rounds 5] [--seconds 4]
import { parseArgs } from 'node:util'
import { serve, watch } from './lib/broadcast.mjs'
import { median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { viewers: { type: 'string', default: '1000' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '4' } },
})
const [viewers, rounds, seconds] = ['viewers', 'rounds', 'seconds'].map((name) => Number(options[name]))
const sides = []
for (const name of ['gateway', 'node', 'floor']) {
  const side = await serve(name)
  sides.push({ name, server: side.server, watching: await watch(side, viewers) })
}

// A side without a run of its own gets the same as ours. Peers send a message a line also when a console is hot; as many
// lines as we get is more than one of them can do, so it is measured at what it still delivers.
const shapes = [
  { title: '80 lines/s, a frame each', run: { lines: 80, tick_ms: 0 }, beside: [['node', 1.7], ['floor', 1 / 1.15, 1 / 1.1]] },
  { title: '1000 lines/s, frames of 25 ms', run: { lines: 1000, tick_ms: 25 }, beside: [['node', 3], ['floor'], ['a message a line', 30, 60]] },
]
const SIDES = {
  node: { reference: 'a Node broadcaster with ws' },
  floor: { reference: 'a ready frame written to a bare socket each' },
  'a message a line': { side: 'node', run: { lines: 60, tick_ms: 0 }, reference: 'that broadcaster, a message a line, at 60 lines/s' },
}
const report = new Report('fanout', `${viewers} viewers, ${rounds} rounds of ${seconds} s, lines of 100 bytes; CPU of the serving process`)

async function measure(name, run, got) {
  const { server, watching } = sides.find((side) => side.name === name)
  await watching.ask({})
  const done = await server.ask({ ...run, seconds })
  const seen = await watching.ask({})
  got.us.push((done.cpu_s * 1e6) / seen.lines)
  got.p50.push(seen.p50_us / 1000)
  got.p99.push(seen.p99_us / 1000)
  got.share.push(seen.lines / (done.lines * viewers))
}

for (const { title, run, beside } of shapes) {
  const empty = () => ({ us: [], p50: [], p99: [], share: [] })
  const ours = empty()
  const theirs = beside.map(empty)
  for (let round = 0; round < rounds; round++) {
    await measure('gateway', run, ours)
    for (const [i, [name]] of beside.entries()) await measure(SIDES[name].side ?? name, SIDES[name].run ?? run, theirs[i])
  }
  for (const [i, [name, goal, stretch]] of beside.entries()) {
    report.row({ what: `${title}, per line and viewer`, unit: 'us of CPU', better: 'lower', ours: ours.us, theirs: theirs[i].us, reference: SIDES[name].reference, goal, stretch })
  }
  for (const [name, got] of [['Warren', ours], ...beside.map(([name], i) => [name, theirs[i]])]) {
    report.note(`${name}: latency p50 ${median(got.p50).toFixed(1)} ms, p99 ${median(got.p99).toFixed(1)} ms, delivered ${(100 * median(got.share)).toFixed(1)} %`)
  }
}
for (const { server, watching } of sides) {
  watching.end()
  server.end()
}
report.end()
process.exit(0)
