// What viewers cost and what they do to each other: how late a line comes at the pace of people, memory for each idle
// viewer, and what the others notice when some stop reading. Turn by turn in the same run; needs no instance.
//   ops/bench viewers [--viewers 1000] [--idle 4000] [--rounds 5] [--seconds 6] [--only late,memory,stalled]
import { parseArgs } from 'node:util'
import { serve, watch } from './lib/broadcast.mjs'
import { median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: {
    viewers: { type: 'string', default: '1000' },
    idle: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '6' },
    only: { type: 'string', default: 'late,memory,stalled' },
  },
})
const [viewers, idle, rounds, seconds] = ['viewers', 'idle', 'rounds', 'seconds'].map((name) => Number(options[name]))
const parts = options.only.split(',')
const stalled = Math.floor(viewers / 10)
const report = new Report('viewers', `${rounds} rounds; lines of 100 bytes`)
const end = (...children) => children.forEach((child) => child.end())

// At the pace of people, beside the least that the machine could do.
if (parts.includes('late')) {
  const sides = []
  for (const name of ['gateway', 'floor']) {
    const side = await serve(name)
    sides.push({ server: side.server, watching: await watch(side, viewers, ['--every', '7']) })
  }
  const [ours, floor] = sides.map(() => ({ p50: [], p99: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const [i, got] of [ours, floor].entries()) {
      const { server, watching } = sides[i]
      await watching.ask({})
      await server.ask({ lines: 5, tick_ms: 0, seconds })
      const seen = await watching.ask({})
      got.p50.push(seen.p50_us / 1000)
      got.p99.push(seen.p99_us / 1000)
    }
  }
  const reference = 'the same frame written to a bare socket each'
  report.row({ what: `5 lines/s to ${viewers} viewers, how late, p99`, unit: 'ms', better: 'lower', ours: ours.p99, theirs: floor.p99, reference, goal: 1 / 1.5, stretch: 1 / 1.2 })
  report.row({ what: 'the same, p50', unit: 'ms', better: 'lower', ours: ours.p50, theirs: floor.p50, reference })
  for (const { server, watching } of sides) end(watching, server)
}

// Memory of the serving process for each viewer that watches a silent console; a fresh process each round.
if (parts.includes('memory')) {
  const [ours, theirs] = [[], []]
  for (let round = 0; round < rounds; round++) {
    for (const [name, got] of [['gateway', ours], ['node', theirs]]) {
      const side = await serve(name)
      const before = (await side.server.ask({ rss: true })).rss_bytes
      const watching = await watch(side, idle)
      const after = (await side.server.ask({ rss: true })).rss_bytes
      got.push((after - before) / idle / 1024)
      end(watching, side.server)
    }
  }
  report.row({ what: `memory for each of ${idle} idle viewers`, unit: 'KiB', better: 'lower', ours, theirs, reference: 'a Node broadcaster with ws', goal: 3 })
  report.note(`at most 3 KiB are wanted, 1 as the stretch: ${median(ours).toFixed(1)} KiB; the kernel's part of a socket is not in it`)
}

// Some stop reading while a console is busy.
if (parts.includes('stalled')) {
  const quiet = { p99: [] }
  const beside = { p99: [], grown: [], told: [] }
  for (let round = 0; round < rounds; round++) {
    for (const [stop, got] of [[0, quiet], [stalled, beside]]) {
      const side = await serve('gateway')
      const watching = await watch(side, viewers, ['--every', '97', '--stalled', String(stop)])
      // Long enough for what a socket and Warren hold for a viewer to be full.
      const run = { lines: 1000, tick_ms: 25, seconds: Math.max(seconds, 12) }
      await side.server.ask({ ...run, seconds: 1 })
      await watching.ask({})
      const before = (await side.server.ask({ rss: true })).rss_bytes
      await side.server.ask(run)
      got.p99.push((await watching.ask({})).p99_us / 1000)
      if (stop) {
        got.grown.push(((await side.server.ask({ rss: true })).rss_bytes - before) / stop / 1024)
        got.told.push((await watching.ask({ resume: true })).told)
      }
      end(watching, side.server)
    }
  }
  report.row({ what: `1000 lines/s, ${stalled} of ${viewers} viewers have stopped reading: how late for the others, p99`, unit: 'ms', better: 'lower', ours: beside.p99, theirs: quiet.p99, reference: 'all of them read', goal: 1 / 1.2 })
  report.note(`memory grew by ${median(beside.grown).toFixed(0)} KiB for each that had stopped (at most 256 are wanted)`)
  report.note(`of ${stalled} that read on, ${beside.told.join(', ')} were told which bytes they had missed`)
}
report.end()
process.exit(0)
