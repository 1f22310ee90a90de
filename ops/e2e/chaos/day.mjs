// A day without control, in minutes: what a day of it makes is made, and the clock of the agent is put a day on;
// then control comes back in a world that is a day older.
//
// The day: one server that prints a KiB a second (84 MiB, more than a console may keep back), a line typed every
// ten seconds (8640), and a crash every ten minutes (144, of five facts each).
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { check, egg, gameEgg, makeServer, until, wait } from '../panel.mjs'
import { events } from './bus.mjs'
import { faketime } from './clock.mjs'
import { stored } from './disk.mjs'
import { Typist, tickets } from './typist.mjs'
import { game } from './world.mjs'

const MIB = 1 << 20
const LINES = 8640
const CRASHES = 144
const PRINTED = 86400 * 1024
/** Uncommitted bytes of one console beyond which the oldest are given up. */
const BOUND = 64 * MIB
/** Servers that crash side by side, each every two seconds or so. */
const CRASHING = 4
/** Bytes that may have been taken without the node's knowing: what it sends until an answer is missed. */
const ANSWERS_LOST = 4 * MIB
const TYPISTS = 3
const DAY_MS = 86400 * 1000
/** Memory limit that is asked for while the node can't hear it, bytes. */
const WANTED = 160 * MIB
/** No day may take longer. */
const LIMIT_MS = 150000

class Day {
  constructor(world, gauge) {
    Object.assign(this, { world, gauge, panel: world.panel, node: world.node })
  }

  async open() {
    const { panel, node, world } = this
    const eggId = await egg(panel, { ...gameEgg(world.image), name: 'A day' })
    const make = (name, GAME) => makeServer(panel, { name, egg: eggId, node, variables: { GAME } })
    this.typed = await make('Typed to', '/games/echo')
    this.loud = await make('Loud', '/games/burst 24576 1')
    this.crashing = []
    for (let n = 0; n < CRASHING; n++) {
      const server = await make(`Crashes ${n}`, '/games/crash 3 1')
      await panel.patch(`/servers/${server}`, { crash_policy: { restart: true, max_restarts: 1000, window_s: 1, clean_exit_is_crash: true } })
      this.crashing.push(server)
    }
    this.typedRun = (await panel.state(this.typed, 'running', 60000)).run.id
    this.loudRun = (await panel.state(this.loud, 'running', 60000)).run.id
    this.process = [this.typed, this.loud].map((server) => [server, game(server)])
    await until('every crashing server to have crashed', 60000, () => this.crashes() >= 2 * CRASHING)
    this.tickets = []
    for (let n = 0; n < TYPISTS; n++) this.tickets.push(await tickets(panel, this.typed))
  }

  /** Runs of the crashing servers by their folders on the node: what can be seen without control. */
  crashes() {
    return this.crashing.reduce((sum, server) => sum + readdirSync(join(this.world.data, 'agent/console', server)).length, 0)
  }

  /** What the loud game has printed, by the length of its spool. */
  printed() {
    return statSync(join(this.world.data, 'agent/console', this.loud, this.loudRun, 'out')).size
  }

  /** Control takes a change that the node can't hear of, and is gone before it can. */
  async cut() {
    const { panel, world, typed } = this
    await world.hold('nats')
    const { limits } = await panel.server(typed)
    await panel.patch(`/servers/${typed}`, { limits: { ...limits, memory_bytes: WANTED } })
    check(!(await panel.server(typed)).applied, 'the node has not heard of the change')
    await world.hold('control')
    world.let('nats')
    this.began = Date.now()
    this.before = { crashes: this.crashes(), printed: this.printed() }
  }

  /** Lines are typed as long as the tickets last: a new process of the agent knows none of control's time. */
  async pass() {
    const port = this.world.ports['gateway-port']
    const typists = []
    for (const one of this.tickets) typists.push(await Typist.open(port, one))
    const all = Array.from({ length: LINES }, (_, n) => [n, `said-${String(n).padStart(6, '0')}`])
    await Promise.all(typists.map((typist, n) => typist.type(all.filter((_, at) => at % TYPISTS === n))))
    this.results = new Map(typists.flatMap((typist) => [...typist.results]))
    for (const typist of typists) typist.end()
    await this.aDayOn('agent')
    this.reborn = this.crashes()
    const left = this.began + LIMIT_MS - Date.now()
    await until('a day of crashes and of console, some of them by the new process of the agent', Math.max(60000, left), () => this.crashes() - this.before.crashes >= CRASHES && this.printed() - this.before.printed >= PRINTED && this.crashes() > this.reborn)
    this.same()
  }

  /** The part's clock is a day on; the monotonic one runs on. */
  async aDayOn(part) {
    this.world.environment(part, { LD_PRELOAD: faketime(), FAKETIME: '+1d', DONT_FAKE_MONOTONIC: '1' })
    if (part !== 'control') await this.world.restart(part)
  }

  same() {
    for (const [server, process] of this.process) check(game(server) === process, `${server} kept its process (was ${process}, is ${game(server)})`)
  }

  async comeBack() {
    const { world, gauge } = this
    await this.aDayOn('gateway')
    await this.aDayOn('control')
    const since = Date.now()
    this.away = since - this.began
    const journal = join(world.data, 'agent/journal')
    this.journal = readdirSync(journal).reduce((sum, name) => sum + statSync(join(journal, name)).size, 0)
    world.let('control')
    const { last_seen_at: seen } = await world.online(since)
    check(Date.parse(seen) - Date.now() > DAY_MS - 60000, `a day has passed for control: ${seen}`)
    await gauge.flows(since)
    this.back = Date.now() - since
    await until('what was wanted to be applied', 30000, async () => (await this.panel.server(this.typed)).applied)
    this.converged = Date.now() - since
    const { limits } = await this.panel.server(this.typed)
    check(limits.memory_bytes === WANTED, `it is the change from before the day: ${limits.memory_bytes}`)
  }

  /** Each line that was typed is a fact, in the audit log and on the console, once. */
  async typedOnce() {
    const { world, panel, typed } = this
    const written = [...this.results].filter(([, result]) => result === 'written').map(([n]) => n)
    check(written.length === LINES, `every line was written while control was away (${written.length} of ${LINES}: ${JSON.stringify([...new Set(this.results.values())])})`)
    const count = (sql) => world.rows(sql, typed)[0].count
    await until('every line to be a fact', 60000, () => count("SELECT COUNT(*) AS count FROM facts WHERE server_id = ? AND kind = 'input'") >= LINES, 500)
    const facts = count("SELECT COUNT(*) AS count FROM facts WHERE server_id = ? AND kind = 'input' AND error IS NULL")
    const audited = count("SELECT COUNT(*) AS count FROM audit_log WHERE server_id = ? AND action = 'control.console'")
    check(facts === LINES && audited === LINES, `each line is one fact and one row of the audit log (${facts}, ${audited})`)
    const { text } = await panel.raw('GET', `/api/v1/servers/${typed}/console/download?run=${this.typedRun}`, undefined, 60000)
    const seen = [...text.matchAll(/got: (said-\d{6})/g)].map((match) => match[1])
    return { lost: LINES - new Set(seen).size, doubled: seen.length - new Set(seen).size }
  }

  /** Each crash is a run with its end, once; the facts that made them lie in the table without a hole. */
  async crashedOnce() {
    const { panel } = this
    let runs = []
    let doubled = 0
    for (const server of this.crashing) {
      const { state, reason, detail } = await panel.server(server)
      check(state !== 'error', `a server that crashes again and again is started again and again, and not given up (${server} is in error, ${reason}: ${detail})`)
      await panel.post(`/servers/${server}/power`, { action: 'kill' })
      await panel.state(server, 'stopped', 30000)
      const all = await until('every run to have its end', 60000, async () => {
        const now = (await panel.all(`/servers/${server}/runs`)).filter(({ kind }) => kind === 'game')
        return now.every(({ ended_at: end }) => end) && now
      })
      const said = await events(panel, server)
      doubled += all.length - new Set(all.map(({ id }) => id)).size + said.length - new Set(said.map(({ id }) => id)).size
      runs = runs.concat(all)
    }
    const odd = runs.filter(({ exit_code: code }) => code !== 3 && code !== 137)
    check(odd.length === 0, `every run ended as it did: ${JSON.stringify(odd)}`)
    const crashed = runs.filter(({ exit_code: code }) => code === 3).length
    check(crashed >= this.before.crashes + CRASHES - CRASHING, `every crash of the day is there (${crashed})`)
    return { crashed, doubled }
  }

  /** What of the loud console was given up is said to the byte: in the text, by an event, and by the run's length. */
  async gapSaid() {
    const { panel, loud, loudRun } = this
    await panel.post(`/servers/${loud}/power`, { action: 'stop' })
    await panel.state(loud, 'stopped', 30000)
    const run = await until('the loud console to be stored', 90000, async () => {
      const one = (await panel.all(`/servers/${loud}/runs`)).find(({ id }) => id === loudRun)
      return one.ended_at && one.bytes >= this.printed() && one
    }, 500)
    const { bytes } = await panel.raw('GET', `/api/v1/servers/${loud}/console/download?run=${loudRun}`, undefined, 60000)
    const { kept, holes, doubled } = stored(bytes)
    const gaps = (await events(panel, loud)).filter(({ type }) => type.endsWith('console_gap')).map(({ data }) => data)
    check(holes > 0 && gaps.length > 0, `a gap is shown in the text (${holes} bytes) and by ${gaps.length} events`)
    check(kept + holes === run.bytes, `every byte is there or is said to be missing (${kept} and ${holes} of ${run.bytes})`)
    // The node's word may go further back: what control had taken when its answer was lost is no hole.
    const told = gaps.reduce((sum, { from, to }) => sum + to - from, 0)
    check(told >= holes && told - holes < ANSWERS_LOST, `the events tell of ${told} bytes, the text of ${holes}: ${JSON.stringify(gaps)}`)
    return { printed: run.bytes, kept, holes, doubled, reasons: [...new Set(gaps.map(({ reason }) => reason))] }
  }
}

async function aDay(world, gauge) {
  const day = new Day(world, gauge)
  await day.open()
  await day.cut()
  await day.pass()
  await day.comeBack()
  day.same()
  const typed = await day.typedOnce()
  const loud = await day.gapSaid()
  const { crashed, doubled } = await day.crashedOnce()
  const boots = world.rows('SELECT ordinal, COUNT(*) AS count, MAX(seq) AS last FROM facts WHERE node_id = ? GROUP BY ordinal', world.node)
  const seconds = (ms) => (ms / 1000).toFixed(1)
  return {
    ended: `away ${seconds(day.away)} s; flows ${seconds(day.back)} s after, wanted applied after ${seconds(day.converged)} s; the journal had grown to ${(day.journal / MIB).toFixed(1)} MiB; facts by boot ${boots.map(({ count, last }) => `${count} of ${last}`).join(', ')}; ${LINES} lines typed and ${crashed} crashes, each once; console: ${loud.holes} of ${loud.printed} bytes given up (${loud.reasons}) and said, ${loud.kept} kept`,
    lost: typed.lost + loud.printed - loud.kept,
    said: loud.holes,
    doubled: typed.doubled + loud.doubled + doubled,
  }
}

export const day = [{ name: 'day-without-control', what: () => "a day's facts and console while control is away, clocks a day on", run: aDay }]
