// What every bench prints and writes: our figure beside its reference, both taken turn by turn in the same run.
// The table goes to the terminal, all single values to target/bench/NAME.json, so that a later reader can
// judge the spread and need not trust a median.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'

const root = new URL('../../../', import.meta.url).pathname

export const at = (list, share) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))]
export const median = (list) => at(list, 0.5)

const shown = (value) => (value === undefined || Number.isNaN(value) ? '?' : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))
const spread = (list) => `${shown(Math.min(...list))} to ${shown(Math.max(...list))}`

export class Report {
  constructor(name, title) {
    this.name = name
    this.rows = []
    this.load = loadavg()
    // Where others have the cores, a reference that waits for each fsync waits for a slice of theirs too, 4 ms, and
    // Warren looks good beside it. Such a run says nothing about a goal, either way.
    this.busy = this.load[0] > cpus().length
    console.log(`bench ${name}: ${title}`)
  }

  /**
   * One row. `ours` and `theirs` hold a value per round, in the same order.
   * `better` says which way is good; the ratio is always "how many times better we are", round by round.
   */
  row({ what, unit, better, ours, theirs, reference, goal, stretch }) {
    const pairs = theirs ? ours.map((value, i) => (better === 'lower' ? theirs[i] / value : value / theirs[i])) : []
    const ratio = pairs.length ? median(pairs) : undefined
    const line = { what, unit, better, reference, goal, stretch, ours, theirs, ratio, pairs }
    this.rows.push(line)
    console.log(what)
    console.log(`  Warren      ${shown(median(ours)).padStart(8)} ${unit}  (${spread(ours)})`)
    if (theirs) console.log(`  reference   ${shown(median(theirs)).padStart(8)} ${unit}  (${spread(theirs)})  ${reference}`)
    if (ratio !== undefined) {
      const worse = ratio < 1 ? `, ${(1 / ratio).toFixed(2)} of the reference` : ''
      // What may cost more than its reference has a goal below 1, and people read "at most 3 of the reference".
      const aim = (value) => (value < 1 ? `at most ${shown(1 / value)} of the reference` : shown(value))
      const wanted = goal === undefined ? '' : `; goal ${aim(goal)}${stretch === undefined ? '' : `, stretch ${aim(stretch)}`}: ${this.busy ? 'no verdict, the machine is busy' : ratio >= goal ? 'met' : 'MISSED'}`
      console.log(`  ratio       ${shown(ratio).padStart(8)} times better  (${spread(pairs)})${worse}${wanted}`)
    }
  }

  /** A figure that has no reference of its own. */
  note(text) {
    ;(this.notes ??= []).push(text)
    console.log(`  ${text}`)
  }

  end() {
    const git = spawnSync('git', ['-C', root, 'describe', '--always', '--dirty'], { encoding: 'utf8' })
    const kernel = spawnSync('uname', ['-sr'], { encoding: 'utf8' }).stdout.trim()
    const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memory_bytes: totalmem(), kernel, load_before: this.load, load_after: loadavg() }
    const profile = process.env.WARREN_PROFILE ?? 'release'
    mkdirSync(`${root}target/bench`, { recursive: true })
    const path = `${root}target/bench/${this.name}.json`
    const text = { name: this.name, at: new Date().toISOString(), commit: git.stdout?.trim(), profile, machine, busy: this.busy, rows: this.rows, notes: this.notes ?? [] }
    writeFileSync(path, `${JSON.stringify(text, null, 2)}\n`)
    console.log(`machine: ${machine.cores} cores (${machine.cpu}), ${kernel}, ${profile} build, load ${this.load[0].toFixed(1)} before and ${machine.load_after[0].toFixed(1)} after`)
    console.log(`all values: target/bench/${this.name}.json`)
  }
}

const CLOCK = 'import sys, time; print(*(time.clock_gettime_ns((~int(pid) << 3) | 2) for pid in sys.argv[1:]))'

/**
 * CPU seconds, user and system, that processes have used so far, threads that ended included. From their CPU clocks,
 * which Node can't read: /proc/PID/stat counts in hundredths of a second (clock_getcpuclockid(3) tells the number).
 */
export function cpuSeconds(...pids) {
  const run = spawnSync('python3', ['-c', CLOCK, ...pids.map(String)], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stderr)
  return run.stdout.split(' ').reduce((sum, nanoseconds) => sum + Number(nanoseconds), 0) / 1e9
}
