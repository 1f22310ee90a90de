// One fault after another on the real stack, and one table of what became of it.
//
//   node chaos.mjs [NAME or GROUP ...] [--cut-s 60] [--away-s 120] [--list]
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { clock } from './chaos/clock.mjs'
import { clone } from './chaos/clone.mjs'
import { cluster } from './chaos/cluster.mjs'
import { day } from './chaos/day.mjs'
import { disk } from './chaos/disk.mjs'
import { flood } from './chaos/flood.mjs'
import { Gauge } from './chaos/gauge.mjs'
import { kills } from './chaos/kills.mjs'
import { away, link } from './chaos/link.mjs'
import { registry } from './chaos/pulls.mjs'
import { restore } from './chaos/restore.mjs'
import { starts } from './chaos/starts.mjs'
import { stream } from './chaos/stream.mjs'
import { World } from './chaos/world.mjs'

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    'cut-s': { type: 'string' },
    'away-s': { type: 'string' },
    list: { type: 'boolean' },
  },
})
const lasting = { cut: Number(options['cut-s'] ?? 60), away: Number(options['away-s'] ?? options['cut-s'] ?? 120) }
const all = Object.entries({ kills, starts, stream, restore, clone, registry, disk, clock, flood, link, away, day, cluster }).flatMap(([group, faults]) => faults.map((fault) => ({ group, ...fault })))
if (options.list) {
  console.log('faults, by group:')
  const width = Math.max(...all.map(({ name }) => name.length))
  for (const { group, name, what } of all) console.log(`  ${group.padEnd(9)} ${name.padEnd(width)} ${what(lasting)}`)
  process.exit(0)
}
const strange = wanted.filter((word) => !all.some(({ name, group }) => [name, group].includes(word)))
if (strange.length) {
  console.error(`ops/chaos: no such fault: ${strange.join(', ')} (./ops/chaos --help lists them)`)
  process.exit(2)
}
const chosen = all.filter(({ name, group }) => wanted.length === 0 || wanted.includes(name) || wanted.includes(group))

/** The world that stands now: faults of one group share it until one of them fails. */
class Stage {
  /** What ended worlds have left on the machine. */
  left = []

  async for(fault) {
    if (this.world && this.setting === fault.setting && this.group === fault.group) {
      // Its logs are kept under the last one, which is the one that failed.
      this.world.name = fault.name
      return
    }
    await this.clear()
    Object.assign(this, { setting: fault.setting, group: fault.group })
    const make = fault.setting ?? (() => World.start())
    this.world = await make(lasting)
    this.world.name = fault.name
    this.gauge = await (this.world.gauge?.() ?? Gauge.start(this.world))
  }

  async clear() {
    const { world, gauge } = this
    this.world = this.gauge = undefined
    await gauge?.stop()
    const left = await world?.end()
    if (left) this.left.push(left)
  }
}

const stage = new Stage()
const rows = []

async function inject(fault) {
  const row = { name: fault.name, group: fault.group, what: fault.what(lasting), console_ms: null, command_ms: null, heartbeat_ms: null, lost: null, doubled: null, said: 0, ended: '', passed: false }
  const since = Date.now()
  try {
    await stage.for(fault)
    stage.gauge.begin()
    const outcome = await fault.run(stage.world, stage.gauge, lasting)
    const { alarms, ...measured } = await stage.gauge.end()
    Object.assign(row, measured, { said: outcome.said ?? 0, ended: outcome.ended, lost: measured.lost + (outcome.lost ?? 0), doubled: measured.doubled + (outcome.doubled ?? 0) })
    if (alarms.length) row.ended = `FALSE ALARM: ${alarms.join('; ')} [${row.ended}]`
    row.passed = row.lost <= row.said && row.doubled === 0 && alarms.length === 0
  } catch (error) {
    row.ended = `FAILED: ${error.message}`
    console.error(`  ${error.stack}`)
    for (const what of ['console', 'command', 'heartbeat']) row[`${what}_ms`] ??= stage.gauge?.[what].end() ?? null
  }
  row.took_s = Math.round((Date.now() - since) / 1000)
  if (!row.passed) await stage.clear()
  return row
}

for (const fault of chosen) {
  console.log(`chaos: ${fault.name}: ${fault.what(lasting)}`)
  const row = await inject(fault)
  rows.push(row)
  console.log(`chaos: ${fault.name} ${row.passed ? 'passed' : 'FAILED'} in ${row.took_s}s: ${row.ended}`)
  save()
}
await stage.clear()

function save() {
  const folder = `${process.env.WARREN_SOURCE_DIR}/target/chaos`
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/chaos.json`, `${JSON.stringify({ at: new Date().toISOString(), ...lasting, rows }, null, 2)}\n`)
}

const heads = ['fault', 'what was done to what', 'console ms', 'command ms', 'heartbeat ms', 'lost', 'doubled', 'ended in', 'passed']
const cells = ({ name, what, console_ms, command_ms, heartbeat_ms, lost, doubled, said, ended, passed }) =>
  [name, what, console_ms, command_ms, heartbeat_ms, said ? `${lost} (said)` : lost, doubled, ended.replace(/\s+/g, ' '), passed ? 'yes' : 'NO'].map((cell) => `${cell ?? '-'}`)
const table = [heads, ...rows.map(cells)]
const widths = heads.map((_, at) => Math.max(...table.map((line) => line[at].length)))
console.log()
for (const line of table) console.log(line.map((cell, at) => (at === 7 ? cell.padEnd(Math.min(widths[at], 100)) : cell.padEnd(widths[at]))).join(' | ').trimEnd())

const stayed = stage.left
for (const text of stayed) console.error(`chaos: left behind: ${text}`)
const failed = rows.filter((row) => !row.passed).map((row) => row.name)
if (failed.length || stayed.length) {
  console.error(`chaos: FAILED: ${[...failed, ...(stayed.length ? ['left behind'] : [])].join(' ')}`)
  process.exit(1)
}
console.log(`chaos: all ${rows.length} passed`)
process.exit(0)
