// What a person notices of a fault: a game's console watched, a line typed four times a second, and the
// node's last word, each with the longest time that nothing came; then the proof that all arrived once.
import { check, egg, gameEgg, makeServer, until, wait } from '../panel.mjs'
import { Viewer } from '../viewer.mjs'
import { game } from './world.mjs'

const TYPE_MS = 250

/** Numbers missing from and repeated in `line 000000001 ...` of a console. */
export function numbers(text) {
  const seen = [...text.matchAll(/line (\d{9})/g)].map((match) => Number(match[1]))
  const different = new Set(seen)
  return { count: seen.length, lost: seen.length ? Math.max(...seen) - different.size : 0, doubled: seen.length - different.size }
}

/** The longest time between two of its marks. */
class Gap {
  start() {
    this.last = Date.now()
    this.longest = 0
  }

  mark(at = Date.now()) {
    if (at <= this.last) return
    this.longest = Math.max(this.longest, at - this.last)
    this.last = at
  }

  end() {
    this.mark()
    return this.longest
  }
}

export class Gauge {
  static async start(world, { node = world.node, image = world.image, game: startup = '/games/lines 50', panel = world.panel } = {}) {
    const gauge = new Gauge()
    Object.assign(gauge, { world, node, panel, console: new Gap(), command: new Gap(), heartbeat: new Gap(), commands: [] })
    const eggId = await egg(panel, { ...gameEgg(image), name: `Gauge ${image}` })
    gauge.server = await makeServer(panel, { name: `Gauge ${Date.now().toString(36)}`, egg: eggId, node, variables: { GAME: startup } })
    gauge.run = (await panel.state(gauge.server, 'running', 60000)).run.id
    gauge.process = game(gauge.server)
    check(gauge.process, 'the watched game is found')
    gauge.viewer = new Viewer(panel, gauge.server, () => gauge.console.mark())
    await until('the console to be seen', 20000, () => gauge.viewer.at > 0)
    gauge.begin()
    gauge.going = true
    gauge.loops = [gauge.type(), gauge.look()]
    return gauge
  }

  /** From now on. */
  begin() {
    for (const gap of [this.console, this.command, this.heartbeat]) gap.start()
    this.first = this.commands.length
    this.ord = this.world.rows('SELECT COALESCE(MAX(ord), 0) AS ord FROM outbox')[0].ord
  }

  async type() {
    while (this.going) {
      const command = { name: `tick-${String(this.commands.length + 1).padStart(6, '0')}`, result: 'unknown' }
      this.commands.push(command)
      this.panel.post(`/servers/${this.server}/input`, { line: command.name }).then(
        ({ result }) => {
          command.result = result
          if (result === 'written') this.command.mark()
        },
        // No answer leaves it open; every other refusal is a promise that nothing was typed.
        (error) => (command.result = !error.status || error.code === 'node_no_answer' ? 'unknown' : `refused ${error.code}`),
      )
      await wait(TYPE_MS)
    }
  }

  async look() {
    while (this.going) {
      const seen = await this.panel.get(`/nodes/${this.node}`).then((node) => Date.parse(node.last_seen_at), () => 0)
      this.heartbeat.mark(seen)
      await wait(TYPE_MS)
    }
  }

  /** Both flow again: a line is typed and a byte is seen after `since`. */
  flows(since = Date.now(), limitMs = 60000) {
    return until('console and commands to flow again', limitMs, () => this.console.last > since && this.command.last > since, 50)
  }

  /** The gaps since `begin`, and what was lost or doubled up to now; `kept` says that the game must be the same. */
  async end({ kept = true } = {}) {
    await this.flows()
    const gaps = { console_ms: this.console.end(), command_ms: this.command.end(), heartbeat_ms: this.heartbeat.end() }
    if (kept) check(game(this.server) === this.process, `the game kept its process (was ${this.process}, is ${game(this.server)})`)
    const upto = this.viewer.at
    const typed = this.commands.slice(this.first, -8)
    const run = await until('the database to hold what was seen', 60000, async () => {
      const now = (await this.panel.all(`/servers/${this.server}/runs`)).find((one) => one.id === this.run)
      return now?.bytes >= upto && now
    })
    const { text } = await this.panel.raw('GET', `/api/v1/servers/${this.server}/console/download?run=${run.id}`, undefined, 60000)
    const { lost, doubled } = numbers(text)
    const wrong = typed.map(({ name, result }) => {
      const times = text.split(`got: ${name}\r`).length - 1
      if (result === 'written') return times - 1
      return result === 'unknown' ? Math.max(0, times - 1) : times
    })
    const facts = this.facts()
    return {
      ...gaps,
      alarms: this.alarms(),
      lost: lost + facts.lost + wrong.filter((n) => n < 0).length,
      doubled: doubled + facts.doubled + wrong.filter((n) => n > 0).length,
    }
  }

  /** Holes in what the node said, by boot, each counted from 1; and operations that were ended twice (a restored database may know none). */
  facts() {
    const { world, node } = this
    const boots = world.rows('SELECT ordinal, MAX(seq) AS last, COUNT(*) AS count FROM facts WHERE node_id = ? GROUP BY ordinal', node)
    const gaps = world.rows("SELECT COUNT(*) AS count FROM facts WHERE node_id = ? AND kind = 'fact_gap'", node)[0].count
    const servers = world.rows("SELECT server_id, COUNT(*) AS ends, (SELECT COUNT(*) FROM operations o WHERE o.server_id = f.server_id AND o.kind IN ('install', 'reinstall')) AS asked FROM facts f WHERE kind = 'job_ended' AND server_id IS NOT NULL GROUP BY server_id")
    return {
      lost: gaps + boots.reduce((sum, boot) => sum + boot.last - boot.count, 0),
      doubled: servers.reduce((sum, one) => sum + (one.asked ? Math.max(0, one.ends - one.asked) : 0), 0),
    }
  }

  /** Since `begin`: facts that are said to be lost although every one of them is stored. */
  alarms() {
    const said = this.world.rows("SELECT data FROM outbox WHERE ord > ? AND node_id = ? AND kind = 'condition'", this.ord, this.node).map(({ data }) => JSON.parse(data))
    const there = ({ boot, from_seq, to_seq }) => this.world.rows("SELECT COUNT(*) AS count FROM facts WHERE boot_id = ? AND seq BETWEEN ? AND ? AND kind != 'fact_gap'", boot, from_seq, to_seq)[0].count
    const wrong = said.filter((one) => one.code === 'facts_lost' && there(one) === one.to_seq - one.from_seq + 1)
    return wrong.map(({ from_seq, to_seq }) => `facts ${from_seq} to ${to_seq} are said to be lost, and all are stored`)
  }

  async stop() {
    this.going = false
    await Promise.all(this.loops)
    await this.viewer.end()
  }
}
