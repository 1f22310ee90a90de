import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { ConsolePage, PowerAction } from '~/api/types'
import { ConsoleLog, type HoleEntry } from './console-log'
import type { Stream } from './frame'
import { type InputResult, LiveSocket, type ServerSink, type Stats, type Ticket } from './socket'
import { ulid } from './ulid'

function socketUrl(): string {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  return `${scheme}://${location.host}/ws`
}

/** Servers beyond what a ticket can name: of these no events come. */
export const unheard = { servers: 0 }

export const live = new LiveSocket({
  url: socketUrl,
  ticketMine: async () => {
    const ticket = await must(api.POST('/tickets/mine'))
    unheard.servers = ticket.left_out
    return ticket as Ticket
  },
  ticketServer: (server) =>
    must(api.POST('/servers/{server}/ticket', { params: { path: { server } } })) as Promise<Ticket>,
})

/** What became of a line. */
interface Typed {
  /** `broken`: the connection went before an answer came. */
  result: InputResult | 'broken'
  message: string | undefined
}

/** A line that was sent and not answered yet. */
interface Waiting {
  line: string
  id: string
  done: (answer: Typed) => void
}

/** One second of a server's figures; rates are made here, from the counters of two neighbours. */
export interface Point {
  at: number
  cpu: number
  memory: number
  rx: number
  tx: number
  disk: number
  pids: number
}

export type Watch =
  | { kind: 'connecting' }
  | { kind: 'live' }
  | { kind: 'ended'; code: string; message: string }

const KEEP_POINTS = 300
/** Five minutes of live figures, one a second. */
export const LIVE_SPAN_MS = 300_000
/** A watcher that leaves comes back soon, mostly: another tab of the same server. */
const LINGER_MS = 8000

/** Everything live about one server. Shared by all who look at it, and kept a moment after the last has left. */
export class ServerLive {
  readonly server: string
  readonly log = new ConsoleLog()
  points: Point[] = []
  stats: Stats | undefined
  watch: Watch = { kind: 'connecting' }
  node: { state: string; since: number | undefined } | undefined
  history: { more: boolean; loading: boolean } = { more: true, loading: false }
  private version = 0
  private listeners = new Set<() => void>()
  private waiting = new Map<number, Waiting>()
  private stop: (() => void) | undefined
  private asked = new Set<string>()
  private ranges = new Map<number, () => void>()

  constructor(server: string) {
    this.server = server
  }

  open(): void {
    this.stop = live.watch(this.server, this.sink())
    // Beside the live bytes: stored ones know the time of every line, and are there without gateway and node.
    void this.loadStored()
    void this.seedPoints()
  }

  /** The last five minutes as they are stored, so that the live charts do not begin empty. */
  private async seedPoints(): Promise<void> {
    try {
      const { at, series } = await must(
        api.GET('/servers/{server}/metrics', {
          params: {
            path: { server: this.server },
            query: { from: new Date(Date.now() - LIVE_SPAN_MS).toISOString(), step: 15 },
          },
        }),
      )
      const first = this.points[0]?.at ?? Number.POSITIVE_INFINITY
      const stored = at.flatMap((second, n) => {
        const figure = (name: string) => series[name]?.[n] ?? null
        const cpu = figure('cpu_percent')
        if (cpu === null || second * 1000 >= first) return []
        return {
          at: second * 1000,
          cpu,
          memory: figure('memory_bytes') ?? 0,
          rx: figure('rx_bytes_per_s') ?? 0,
          tx: figure('tx_bytes_per_s') ?? 0,
          disk: figure('disk_bytes') ?? 0,
          pids: figure('pids') ?? 0,
        }
      })
      this.points = [...stored, ...this.points]
      this.changed()
    } catch {
      // The charts then begin with what comes live.
    }
  }

  close(): void {
    this.stop?.()
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
  snapshot = (): number => this.version

  private changed(): void {
    this.version += 1
    for (const listener of this.listeners) listener()
  }

  private sink(): ServerSink {
    return {
      cursor: () => this.log.cursor(),
      ok: ({ run }) => {
        if (run) this.log.begin(run)
        this.watch = { kind: 'live' }
        this.asked.clear()
        this.changed()
      },
      frame: (frame) => {
        this.log.add(frame.run, frame.stream, {
          offset: frame.offset,
          bytes: frame.bytes,
          times: [[frame.offset, frame.at]],
        })
        this.askForHoles()
      },
      stats: (stats) => this.takeStats(stats),
      run: (run) => {
        this.log.begin(run)
        this.changed()
      },
      gap: (gap) => this.log.miss(gap.run, gap.stream, gap.from, gap.to, gap.reason),
      input: (req, result, message) => {
        const waiting = this.waiting.get(req)
        this.waiting.delete(req)
        if (waiting) this.noteAnswer(waiting.line, result === 'written')
        waiting?.done({ result, message })
      },
      node: (state, since) => {
        this.node = { state, since }
        this.changed()
      },
      ranged: (req) => {
        this.ranges.get(req)?.()
        this.ranges.delete(req)
      },
      ended: (code, message) => {
        this.watch = { kind: 'ended', code, message }
        this.changed()
      },
      line: (up) => {
        if (!up) this.watch = { kind: 'connecting' }
        const open = [...this.waiting.values()]
        this.waiting.clear()
        for (const waiting of open) void this.askAgain(waiting)
        this.changed()
      },
    }
  }

  private takeStats(stats: Stats): void {
    const before = this.stats
    const seconds = before ? (stats.at - before.at) / 1000 : 0
    // A counter that runs backwards is another container: no rate over that step.
    const rate = (now: number, then: number) =>
      seconds > 0 && seconds < 20 && now >= then ? (now - then) / seconds : 0
    if (before && stats.state !== '' && before.state !== stats.state) {
      void queryClient.invalidateQueries({ queryKey: keys.server(this.server) })
    }
    this.stats = stats
    this.points = [
      // A chart needs time to run one way: what was stored under a later time gives way to the live line.
      ...this.points.slice(-KEEP_POINTS).filter((point) => point.at < stats.at),
      {
        at: stats.at,
        cpu: stats.cpu_percent,
        memory: stats.memory_bytes,
        rx: before ? rate(stats.rx_bytes, before.rx_bytes) : 0,
        tx: before ? rate(stats.tx_bytes, before.tx_bytes) : 0,
        disk: stats.disk_bytes,
        pids: stats.pids,
      },
    ]
    this.changed()
  }

  private noteAnswer(line: string, written: boolean): void {
    this.log.answered(line, written)
    if (written) setTimeout(() => this.log.settleTyped(Date.now()), 1000)
  }

  /** Holes that the source calls refetchable are asked for once by themselves. */
  private askForHoles(): void {
    for (const { run, stream, hole } of this.log.openHoles()) {
      const key = `${run}/${stream}/${hole.from}`
      if (this.asked.has(key) || hole.reason !== 'missing') continue
      this.asked.add(key)
      live.range(this.server, run, stream, hole.from, hole.to)
    }
  }

  /** Asked by a person: first the node by the live line, then what control has stored. */
  async fetchHole(entry: HoleEntry): Promise<void> {
    const { run, stream, hole } = entry
    const req = live.range(this.server, run, stream, hole.from, hole.to)
    if (req !== undefined) {
      await new Promise<void>((resolve) => {
        this.ranges.set(req, resolve)
        setTimeout(resolve, 6000)
      })
      if (!this.isOpen(run, stream, hole.from)) return
    }
    const page = await must(
      api.GET('/servers/{server}/console', {
        params: { path: { server: this.server }, query: { run, stream, from: hole.from, to: hole.to } },
      }),
    )
    this.takePage(page)
    if (this.isOpen(run, stream, hole.from)) this.log.giveUp(entry)
  }

  private isOpen(run: string, stream: Stream, from: number): boolean {
    return this.log.openHoles().some((h) => h.run === run && h.stream === stream && h.hole.from === from)
  }

  takePage(page: ConsolePage): number {
    let bytes = 0
    for (const chunk of page.chunks) {
      const { run } = page
      if (!run) break
      const data = decodeBase64(chunk.data)
      bytes += data.length
      if (data.length > 0) {
        const times = chunk.times.map(([offset = 0, at = 0]): [number, number] => [offset, at])
        this.log.add(run, chunk.stream, { offset: chunk.offset, bytes: data, times })
      }
      if (chunk.gap_to && chunk.gap_to > chunk.offset + data.length) {
        this.log.miss(run, chunk.stream, chunk.offset + data.length, chunk.gap_to, 'cap')
      }
    }
    return bytes
  }

  private async loadStored(): Promise<void> {
    try {
      const page = await must(
        api.GET('/servers/{server}/console', {
          params: { path: { server: this.server }, query: { tail: 131_072 } },
        }),
      )
      this.takePage(page)
      if (this.log.run === undefined && page.run) this.log.begin(page.run)
      this.changed()
    } catch {
      // The page's own query says what is wrong; the console stays empty.
    }
  }

  /** One page of what lies before the oldest line; runs before the first one too. */
  async loadEarlier(): Promise<void> {
    if (this.history.loading || !this.history.more) return
    this.log.widen()
    this.history = { ...this.history, loading: true }
    this.changed()
    try {
      const run = this.log.oldestRun()
      const first = run ? this.log.firstOffset(run) : undefined
      if (run && first !== undefined && first > 0) {
        const from = Math.max(0, first - 131_072)
        const got = this.takePage(
          await must(
            api.GET('/servers/{server}/console', {
              params: { path: { server: this.server }, query: { run, from, to: first } },
            }),
          ),
        )
        if (got > 0) return
      }
      const runs = await must(
        api.GET('/servers/{server}/runs', {
          params: { path: { server: this.server }, query: { limit: 100 } },
        }),
      )
      const earlier = runs.items
        .filter((r) => r.bytes > 0 && (!run || r.id < run))
        .sort((a, b) => b.id.localeCompare(a.id))[0]
      if (!earlier) {
        this.history = { more: false, loading: true }
        return
      }
      const page = await must(
        api.GET('/servers/{server}/console', {
          params: { path: { server: this.server }, query: { run: earlier.id, tail: 131_072 } },
        }),
      )
      if (this.takePage(page) === 0) this.history = { more: false, loading: true }
    } finally {
      this.history = { ...this.history, loading: false }
      this.changed()
    }
  }

  /** Types a line into the game. Over the live line, or by the API while that is down. */
  async type(line: string): Promise<Typed> {
    this.log.expect(line, Date.now())
    const id = ulid()
    const req = this.watch.kind === 'live' ? live.input(this.server, line, id) : undefined
    if (req !== undefined) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          this.waiting.delete(req)
          this.log.answered(line, false)
          resolve({
            result: 'unanswered',
            message: undefined,
          })
        }, 10_000)
        this.waiting.set(req, {
          line,
          id,
          done: (answer) => {
            clearTimeout(timer)
            resolve(answer)
          },
        })
      })
    }
    const answer = await this.typeByApi(line, id).catch((error: unknown) => {
      this.log.answered(line, false)
      throw error
    })
    this.noteAnswer(line, answer.result === 'written')
    return { result: answer.result, message: undefined }
  }

  private typeByApi(line: string, id: string): Promise<{ result: InputResult }> {
    return must(
      api.POST('/servers/{server}/input', { params: { path: { server: this.server } }, body: { line, id } }),
    )
  }

  /** The connection broke before an answer came. Under its id the line is typed once, whoever is asked. */
  private async askAgain({ line, id, done }: Waiting): Promise<void> {
    try {
      const { result } = await this.typeByApi(line, id)
      this.noteAnswer(line, result === 'written')
      done({ result, message: undefined })
    } catch {
      this.log.answered(line, false)
      done({
        result: 'broken',
        message: undefined,
      })
    }
  }
}

export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}

interface Held {
  live: ServerLive
  users: number
  timer: ReturnType<typeof setTimeout> | undefined
}
const held = new Map<string, Held>()

export function acquire(server: string): ServerLive {
  let entry = held.get(server)
  if (!entry) {
    entry = { live: new ServerLive(server), users: 0, timer: undefined }
    entry.live.open()
    held.set(server, entry)
  }
  clearTimeout(entry.timer)
  entry.users += 1
  return entry.live
}

export function release(server: string): void {
  const entry = held.get(server)
  if (!entry) return
  entry.users -= 1
  if (entry.users > 0) return
  entry.timer = setTimeout(() => {
    entry.live.close()
    held.delete(server)
  }, LINGER_MS)
}

export async function power(server: string, action: PowerAction): Promise<void> {
  await must(api.POST('/servers/{server}/power', { params: { path: { server } }, body: { action } }))
}
