import { type LineLevel, levelOfLine, plain } from './ansi'
import type { Stream } from './frame'
import { type Chunk, type Hole, type Piece, StreamLog } from './stream-log'

export type Entry = LineEntry | HoleEntry

export interface LineEntry {
  kind: 'line'
  key: number
  at: number
  stream: Stream
  run: string
  offset: number
  /** As the game wrote it, escapes included. */
  text: string
  level: LineLevel | 'typed' | 'own'
}
export interface HoleEntry {
  kind: 'hole'
  key: number
  at: number
  until: number
  stream: Stream
  run: string
  hole: Hole
}

const BOUND_BYTES = 4 * 1024 * 1024
const BOUND_ENTRIES = 10_000
/** What a reader who loads older lines may come to. */
const MOST_ENTRIES = 30_000
/** Streams arrive side by side; up to this much disorder is not worth a repaint. */
const SLACK_MS = 1500
const OWN_LINE = /^(\d{12,14}) (.*)$/s

interface Typed {
  line: string
  /** This browser's time. */
  at: number
  /** The node's time of the newest line then: an echo is not older. */
  after: number
  written: boolean
}

/**
 * The console of one server as a list of entries in order of time: its runs' streams stitched by offset, with
 * Warren's own lines in place. Grows at the end; anything else raises `revision`, and a view then paints anew.
 */
export class ConsoleLog {
  entries: Entry[] = []
  /** Raised when the list changed anywhere but at its end. */
  revision = 0
  /** How many of the list's first entries were forgotten since it was built. */
  forgotten = 0
  /** The run that goes on, if one does. */
  run: string | undefined
  private logs = new Map<string, StreamLog>()
  private level: LineLevel = 'normal'
  private typed: Typed[] = []
  /** Places of lines that were recognised as echoes, so that a repaint knows them still. */
  private echoes = new Set<string>()
  private local: LineEntry[] = []
  private nextKey = 1
  private listeners = new Set<() => void>()
  private stale = false
  private room = 1

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Where to go on after a break: `(run, offset)` of what is held. */
  cursor(): { run: string; game: number; warren: number } | undefined {
    if (!this.run) return undefined
    const game = this.logs.get(`${this.run}/game`)?.end
    const warren = this.logs.get(`${this.run}/warren`)?.end
    if (game === undefined && warren === undefined) return undefined
    return { run: this.run, game: game ?? 0, warren: warren ?? 0 }
  }

  /** The oldest byte held of a run's game stream, for asking what lies before it. */
  firstOffset(run: string): number | undefined {
    return this.logs.get(`${run}/game`)?.first
  }

  oldestRun(): string | undefined {
    return [...this.logs.values()]
      .filter((log) => log.stream === 'game' && log.first !== undefined)
      .map((log) => log.run)
      .sort()[0]
  }

  /** Somebody reads back: there must be room for what is loaded, or it would go again at once. */
  widen(): void {
    this.room = Math.min(MOST_ENTRIES / BOUND_ENTRIES, this.room + 1)
  }

  begin(run: string): void {
    this.run = run
  }

  add(run: string, stream: Stream, chunk: Chunk): void {
    const log = this.log(run, stream)
    const answer = log.add(chunk)
    if (answer === 'known') return
    if (answer === 'rebuild') this.stale = true
    else this.append(log, answer.pieces)
    // What goes here is on screen already; a repaint would only take it away.
    log.bound(BOUND_BYTES * this.room)
    this.changed()
  }

  miss(run: string, stream: Stream, from: number, to: number, reason: string): void {
    const log = this.log(run, stream)
    this.append(log, log.miss(from, to, reason))
    this.changed()
  }

  /** A hole that can't be filled any more keeps its place and loses its button. */
  giveUp(entry: HoleEntry): void {
    this.log(entry.run, entry.stream).close(entry.hole)
    entry.hole.open = false
    this.stale = true
    this.changed()
  }

  /** Somebody here types `line`: its echo, which may come before the answer, is shown as typed. */
  expect(line: string, at: number): void {
    this.typed.push({ line, at, after: (this.entries.at(-1)?.at ?? 0) - SLACK_MS, written: false })
  }

  /** How it went: what was not written has no echo. */
  answered(line: string, written: boolean): void {
    const found = this.typed.find((t) => t.line === line && !t.written)
    if (found && written) found.written = true
    else if (found) this.typed = this.typed.filter((t) => t !== found)
  }

  /** Games without an echo: what was typed and did not come back is shown from here. */
  settleTyped(now: number): void {
    const late = this.typed.filter((t) => t.written && now - t.at > 800)
    if (late.length === 0) return
    this.typed = this.typed.filter((t) => !late.includes(t))
    for (const { line, at } of late) {
      const entry: LineEntry = {
        kind: 'line',
        key: this.nextKey++,
        at,
        stream: 'game',
        run: this.run ?? '',
        offset: -1,
        text: line,
        level: 'typed',
      }
      this.local = [...this.local.slice(-200), entry]
      if (at < (this.entries.at(-1)?.at ?? 0) - SLACK_MS) this.stale = true
      else this.entries.push(entry)
    }
    this.changed()
  }

  /** The unfinished line of the game, if it stands at the end. */
  get open(): { text: string; at: number } | undefined {
    return this.run ? this.logs.get(`${this.run}/game`)?.openLine : undefined
  }

  openHoles(): Array<{ run: string; stream: Stream; hole: Hole }> {
    return [...this.logs.values()].flatMap((log) =>
      log.openHoles().map((hole) => ({ run: log.run, stream: log.stream, hole })),
    )
  }

  /** Brings `entries` up to date; a view calls it before it paints. */
  settle(): void {
    if (!this.stale) return
    this.stale = false
    this.level = 'normal'
    const all: Entry[] = [...this.local]
    for (const log of this.logs.values()) {
      let at = 0
      for (const piece of log.rebuild()) {
        const entry = this.entryOf(log, piece)
        // Within a stream the order is the offset's, whatever a clock says.
        at = Math.max(at, entry.at)
        entry.at = at
        all.push(entry)
      }
    }
    all.sort((a, b) => a.at - b.at || a.run.localeCompare(b.run) || a.key - b.key)
    let before: LineLevel = 'normal'
    for (const entry of all) {
      if (entry.kind === 'line' && entry.level !== 'own' && entry.level !== 'typed') {
        entry.level = levelOfLine(plain(entry.text), before)
        before = entry.level
      }
    }
    this.level = before
    this.entries = all.slice(-BOUND_ENTRIES * this.room)
    this.forgotten = 0
    this.revision += 1
  }

  private log(run: string, stream: Stream): StreamLog {
    const key = `${run}/${stream}`
    let log = this.logs.get(key)
    if (!log) {
      log = new StreamLog(run, stream)
      this.logs.set(key, log)
    }
    return log
  }

  private append(log: StreamLog, pieces: Piece[]): void {
    for (const piece of pieces) {
      const entry = this.entryOf(log, piece)
      if (entry.at < (this.entries.at(-1)?.at ?? 0) - SLACK_MS) this.stale = true
      this.entries.push(entry)
    }
    const most = BOUND_ENTRIES * this.room
    if (this.entries.length > most * 1.2) {
      this.forgotten += this.entries.length - most
      this.entries = this.entries.slice(-most)
    }
  }

  private entryOf(log: StreamLog, piece: Piece): Entry {
    const key = this.nextKey++
    const place = { key, run: log.run, stream: log.stream }
    if (piece.kind === 'hole')
      return { kind: 'hole', ...place, at: piece.at, until: piece.until, hole: piece.hole }
    if (log.stream === 'warren') {
      const own = OWN_LINE.exec(piece.text)
      return {
        kind: 'line',
        ...place,
        offset: piece.start,
        at: own ? Number(own[1]) : piece.at,
        text: own ? (own[2] ?? '') : piece.text,
        level: 'own',
      }
    }
    const level = this.isEcho(log, piece) ? 'typed' : levelOfLine(plain(piece.text), this.level)
    if (level !== 'typed') this.level = level
    return { kind: 'line', ...place, offset: piece.start, at: piece.at, text: piece.text, level }
  }

  private isEcho(log: StreamLog, piece: { start: number; text: string; at: number }): boolean {
    const place = `${log.run}/${piece.start}`
    if (this.echoes.has(place)) return true
    if (this.typed.length === 0) return false
    const text = plain(piece.text).replace(/^>\s*/, '').trim()
    const found = this.typed.findIndex((t) => t.line.trim() === text && piece.at >= t.after)
    if (found < 0) return false
    this.typed.splice(found, 1)
    this.echoes.add(place)
    return true
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}
