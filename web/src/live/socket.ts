import { type Frame, parseFrame, type Stream } from './frame'

export interface Ticket {
  ticket: string
  expires_at: string
}
export interface Stats {
  at: number
  cpu_percent: number
  memory_bytes: number
  memory_limit_bytes: number
  rx_bytes: number
  tx_bytes: number
  disk_bytes: number
  pids: number
  uptime_ms: number
  state: string
}
/** `unanswered`: nobody said what became of the line. */
export type InputResult = 'written' | 'busy' | 'off' | 'refused' | 'unanswered'

/** What one server's watcher is told. */
export interface ServerSink {
  /** Where to go on from after a break. */
  cursor(): { run: string; game: number; warren: number } | undefined
  ok(message: { run: string | undefined; startedAt: number | undefined }): void
  frame(frame: Frame): void
  stats(stats: Stats): void
  run(run: string): void
  gap(gap: { run: string; stream: Stream; from: number; to: number; reason: string }): void
  input(req: number, result: InputResult, message: string | undefined): void
  node(state: string, since: number | undefined): void
  /** A range that was asked for has been answered as far as it can be. */
  ranged(req: number): void
  ended(code: string, message: string): void
  /** The line went down or came back. */
  line(up: boolean): void
}
export interface MineSink {
  event(event: { type: string; subject?: string; data?: Record<string, unknown> }): void
  /** Events may have been missed, by a break of the line or of the gateway's own: fetch what there is now. */
  back(): void
}

export type LineState =
  | { kind: 'idle' }
  | { kind: 'connecting' }
  | { kind: 'open'; since: number }
  | { kind: 'away'; since: number; retryAt: number }

interface Deps {
  url: () => string
  ticketMine: () => Promise<Ticket>
  ticketServer: (server: string) => Promise<Ticket>
  socket?: (url: string) => WebSocket
  random?: () => number
  now?: () => number
}

interface Sub {
  id: number
  server: string
  sink: ServerSink
  renew: ReturnType<typeof setTimeout> | undefined
}

/** The topic `mine` has this number, servers count up from the next. */
const MINE_ID = 1
const PING_MS = 10_000
const DEAD_MS = 25_000
const BACK_SPREAD_MS = 2000
const TAIL_BYTES = 128 * 1024

/** Uniform over two seconds for five tries, then over up to ten: many browsers must not come back as one. */
export function backoffMs(attempt: number, random: number): number {
  return random * (attempt < 5 ? 2000 : Math.min(10_000, 2000 * 2 ** (attempt - 4)))
}

/** Milliseconds until 60 % of a ticket's life is over. */
export function renewAfterMs(expiresAt: string, now: number): number {
  return Math.max(5000, (Date.parse(expiresAt) - now) * 0.6)
}

/**
 * The one WebSocket of this browser, with topics inside: `mine` (states, operations) and one per watched
 * server. Comes back by itself, and every topic goes on from where it stood.
 */
export class LiveSocket {
  line: LineState = { kind: 'idle' }
  private socket: WebSocket | undefined
  private attempt = 0
  private epoch = 0
  private nextId = 2
  private nextReq = 1
  private subs = new Map<string, Sub>()
  private mine: MineSink | undefined
  private mineSeq: number | undefined
  private heardAt = 0
  private timers: {
    retry?: ReturnType<typeof setTimeout>
    ping?: ReturnType<typeof setInterval>
    mine?: ReturnType<typeof setTimeout>
  } = {}
  private listeners = new Set<() => void>()
  private readonly deps: Deps

  constructor(deps: Deps) {
    this.deps = deps
  }

  onLine(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  start(mine: MineSink): void {
    this.mine = mine
    if (this.line.kind === 'idle') void this.connect()
  }

  stop(): void {
    this.epoch += 1
    this.clearTimers()
    this.socket?.close(1000)
    this.socket = undefined
    this.attempt = 0
    this.mineSeq = undefined
    this.setLine({ kind: 'idle' })
  }

  /** Tries at once, for a person who does not want to wait or a network that has come back. */
  retryNow(): void {
    if (this.line.kind !== 'away') return
    clearTimeout(this.timers.retry)
    void this.connect()
  }

  watch(server: string, sink: ServerSink): () => void {
    const sub: Sub = { id: this.nextId++, server, sink, renew: undefined }
    this.subs.set(server, sub)
    if (this.line.kind === 'open') void this.subscribe(sub)
    return () => {
      if (this.subs.get(server) !== sub) return
      this.subs.delete(server)
      clearTimeout(sub.renew)
      this.send({ t: 'unsub', id: sub.id })
    }
  }

  /** The server is on another node now: its topic goes on there. */
  moved(server: string): void {
    const sub = this.subs.get(server)
    if (!sub || this.line.kind !== 'open') return
    clearTimeout(sub.renew)
    this.send({ t: 'unsub', id: sub.id })
    sub.id = this.nextId++
    void this.subscribe(sub)
  }

  /** Sends a line to a game's stdin; one with the same id is typed once, by the API too. Answers the request's number, or undefined while the line is down. */
  input(server: string, line: string, lineId: string): number | undefined {
    const sub = this.subs.get(server)
    if (!sub || this.line.kind !== 'open') return undefined
    const req = this.nextReq++
    this.send({ t: 'input', id: sub.id, req, line, line_id: lineId })
    return req
  }

  /** Asks for bytes again. Answers the request's number, or undefined while the line is down. */
  range(server: string, run: string, stream: Stream, from: number, to: number): number | undefined {
    const sub = this.subs.get(server)
    if (!sub || this.line.kind !== 'open') return undefined
    const req = this.nextReq++
    this.send({ t: 'range', id: sub.id, req, run, stream, from, to })
    return req
  }

  private now(): number {
    return this.deps.now?.() ?? Date.now()
  }

  private setLine(line: LineState): void {
    this.line = line
    for (const listener of this.listeners) listener()
  }

  private clearTimers(): void {
    clearTimeout(this.timers.retry)
    clearInterval(this.timers.ping)
    clearTimeout(this.timers.mine)
    for (const sub of this.subs.values()) clearTimeout(sub.renew)
  }

  private async connect(): Promise<void> {
    this.epoch += 1
    const epoch = this.epoch
    const since = this.line.kind === 'away' ? this.line.since : this.now()
    if (this.line.kind !== 'away') this.setLine({ kind: 'connecting' })
    let ticket: Ticket
    try {
      ticket = await this.deps.ticketMine()
    } catch {
      if (epoch === this.epoch) this.later(since)
      return
    }
    if (epoch !== this.epoch) return
    const url = this.deps.url()
    const socket = this.deps.socket?.(url) ?? new WebSocket(url)
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    socket.onopen = () => {
      if (epoch !== this.epoch) return
      this.heardAt = this.now()
      this.send({ t: 'auth', ticket: ticket.ticket })
      this.send({
        t: 'sub',
        id: MINE_ID,
        topic: 'mine',
        ...(this.mineSeq === undefined ? {} : { after: this.mineSeq }),
      })
      const again = this.attempt > 0
      this.setLine({ kind: 'open', since: this.now() })
      this.renewMineLater(ticket)
      this.timers.ping = setInterval(() => this.beat(), PING_MS)
      for (const sub of this.subs.values()) void this.subscribe(sub)
      if (again) this.mine?.back()
    }
    socket.onmessage = (message) => {
      if (epoch !== this.epoch) return
      this.heardAt = this.now()
      this.receive(message.data)
    }
    socket.onclose = () => {
      if (epoch === this.epoch) this.later(since)
    }
  }

  private later(since: number): void {
    this.epoch += 1
    this.clearTimers()
    this.socket = undefined
    const wait = backoffMs(this.attempt, this.deps.random?.() ?? Math.random())
    this.attempt += 1
    const wasOpen = this.line.kind === 'open'
    this.setLine({ kind: 'away', since: wasOpen ? this.now() : since, retryAt: this.now() + wait })
    if (wasOpen) for (const sub of this.subs.values()) sub.sink.line(false)
    this.timers.retry = setTimeout(() => void this.connect(), wait)
  }

  private beat(): void {
    if (this.now() - this.heardAt > DEAD_MS) {
      this.socket?.close()
      this.later(this.now())
      return
    }
    this.send({ t: 'ping', n: this.now() })
  }

  private renewMineLater(ticket: Ticket): void {
    clearTimeout(this.timers.mine)
    const epoch = this.epoch
    this.timers.mine = setTimeout(
      async () => {
        try {
          const fresh = await this.deps.ticketMine()
          if (epoch !== this.epoch) return
          this.send({ t: 'auth', ticket: fresh.ticket })
          this.renewMineLater(fresh)
        } catch {
          // The ticket runs out and the gateway closes; the way back asks for a new one.
        }
      },
      renewAfterMs(ticket.expires_at, this.now()),
    )
  }

  private async subscribe(sub: Sub): Promise<void> {
    const epoch = this.epoch
    try {
      const ticket = await this.deps.ticketServer(sub.server)
      if (epoch !== this.epoch || this.subs.get(sub.server) !== sub) return
      const from = sub.sink.cursor()
      this.send({
        t: 'sub',
        id: sub.id,
        topic: 'server',
        server: sub.server,
        ticket: ticket.ticket,
        tail_bytes: TAIL_BYTES,
        ...(from ? { from } : {}),
      })
      this.renewLater(sub, ticket)
    } catch (error) {
      if (epoch === this.epoch) sub.sink.ended('refused', error instanceof Error ? error.message : 'refused')
    }
  }

  private renewLater(sub: Sub, ticket: Ticket): void {
    clearTimeout(sub.renew)
    const epoch = this.epoch
    sub.renew = setTimeout(
      async () => {
        try {
          const fresh = await this.deps.ticketServer(sub.server)
          if (epoch !== this.epoch || this.subs.get(sub.server) !== sub) return
          this.send({ t: 'renew', id: sub.id, ticket: fresh.ticket })
          this.renewLater(sub, fresh)
        } catch {
          // The topic ends with its ticket, and says so.
        }
      },
      renewAfterMs(ticket.expires_at, this.now()),
    )
  }

  private send(message: Record<string, unknown>): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message))
  }

  private receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const frame = parseFrame(data)
      if (frame) this.subs.get(frame.server)?.sink.frame(frame)
      return
    }
    if (typeof data !== 'string') return
    let message: Wire
    try {
      message = JSON.parse(data) as Wire
    } catch {
      return
    }
    this.attempt = 0
    this.dispatch(message)
  }

  private dispatch(message: Wire): void {
    if (message.t === 'event') {
      const seq = Number(message.seq)
      if (Number.isFinite(seq)) this.mineSeq = seq
      if (message.event) this.mine?.event(message.event)
      return
    }
    if (message.t === 'ok' && message.id === MINE_ID) {
      const seq = Number(message.seq)
      if (Number.isFinite(seq)) this.mineSeq = seq
      return
    }
    if (message.t === 'back' && message.id === MINE_ID) {
      // All browsers of a gateway hear it at once, and must not ask at once.
      const random = this.deps.random?.() ?? Math.random()
      setTimeout(() => this.mine?.back(), random * BACK_SPREAD_MS)
      return
    }
    const sub = [...this.subs.values()].find((s) => s.id === message.id)
    if (!sub) return
    const { sink } = sub
    switch (message.t) {
      case 'ok':
        return sink.ok({ run: message.run || undefined, startedAt: timeOf(message.started_at) })
      case 'stats':
        return sink.stats(statsOf(message))
      case 'run':
        return message.run ? sink.run(message.run) : undefined
      case 'gap':
        return sink.gap({
          run: String(message.run),
          stream: (message.stream as Stream | undefined) ?? 'game',
          from: Number(message.from),
          to: Number(message.to),
          reason: String(message.reason ?? 'missing'),
        })
      case 'input':
        return sink.input(
          Number(message.req),
          (message.result as InputResult) ?? 'refused',
          message.message ?? undefined,
        )
      case 'node':
        return sink.node(String(message.state), timeOf(message.since))
      case 'range':
        return sink.ranged(Number(message.req))
      case 'end':
        clearTimeout(sub.renew)
        // An end by time is no end for somebody who may still watch.
        if (message.code === 'expired') return void this.subscribe(sub)
        return sink.ended(String(message.code), message.message ?? '')
      case 'error':
        if (message.req != null) {
          sink.ranged(Number(message.req))
          return sink.input(Number(message.req), 'refused', message.message ?? undefined)
        }
        return sink.ended(String(message.code), message.message ?? '')
    }
  }
}

interface Wire extends Record<string, unknown> {
  t: string
  id?: number
  seq?: number | string
  req?: number | null
  run?: string
  message?: string | null
  event?: { type: string; subject?: string; data?: Record<string, unknown> }
}

function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : at
}

function statsOf(message: Wire): Stats {
  const figure = (key: string) => {
    const value = Number(message[key])
    return Number.isFinite(value) ? value : 0
  }
  return {
    at: timeOf(message.at) ?? Date.now(),
    cpu_percent: figure('cpu_percent'),
    memory_bytes: figure('memory_bytes'),
    memory_limit_bytes: figure('memory_limit_bytes'),
    rx_bytes: figure('rx_bytes'),
    tx_bytes: figure('tx_bytes'),
    disk_bytes: figure('disk_bytes'),
    pids: figure('pids'),
    uptime_ms: figure('uptime_ms'),
    state: typeof message.state === 'string' ? message.state : '',
  }
}
