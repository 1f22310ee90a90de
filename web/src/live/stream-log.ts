import type { Stream } from './frame'

/** Bytes with their place, and the times of some offsets in them, ascending. */
export interface Chunk {
  offset: number
  bytes: Uint8Array
  times: Array<[offset: number, at: number]>
}

export interface Hole {
  from: number
  to: number
  reason: string
  /** True when asking again can bring the bytes back. */
  open: boolean
}

/** One piece of a stream read in order: a line, or a hole. */
export type Piece =
  | { kind: 'line'; start: number; at: number; text: string }
  | { kind: 'hole'; hole: Hole; at: number; until: number }

const REFETCHABLE = new Set(['slow', 'away', 'missing'])
const decoder = new TextDecoder()
const NEWLINE = 10
/** A line is cut here, as control and the agent do. */
const LINE_MAX = 8192

function endOf(chunk: Chunk): number {
  return chunk.offset + chunk.bytes.length
}

function timeAt(chunk: Chunk, offset: number): number {
  let at = chunk.times[0]?.[1] ?? 0
  for (const [from, when] of chunk.times) {
    if (from > offset) break
    at = when
  }
  return at
}

function slice(chunk: Chunk, from: number, to: number): Chunk {
  return {
    offset: from,
    bytes: chunk.bytes.subarray(from - chunk.offset, to - chunk.offset),
    times: [[from, timeAt(chunk, from)], ...chunk.times.filter(([at]) => at > from && at < to)],
  }
}

/**
 * The bytes of one stream of one run, stitched by offset: duplicates fall away, what is missing is a hole,
 * and a hole that is filled later closes without a trace. Pure; knows neither network nor screen.
 */
export class StreamLog {
  readonly run: string
  readonly stream: Stream
  private chunks: Chunk[] = []
  private holes: Hole[] = []
  private size = 0
  /** Where the incremental reader stands. */
  private read = { offset: 0, open: '', openStart: 0, openAt: 0 }

  constructor(run: string, stream: Stream) {
    this.run = run
    this.stream = stream
  }

  /** The offset that is expected next, or undefined before anything came. */
  get end(): number | undefined {
    const last = this.chunks.at(-1)
    const hole = this.holes.at(-1)
    if (!last && !hole) return undefined
    return Math.max(last ? endOf(last) : 0, hole?.to ?? 0)
  }

  get first(): number | undefined {
    return this.chunks[0]?.offset
  }

  get byteSize(): number {
    return this.size
  }

  /** The unfinished last line, as far as it has come. */
  get openLine(): { text: string; at: number } | undefined {
    return this.read.open === '' ? undefined : { text: this.read.open, at: this.read.openAt }
  }

  /**
   * Takes bytes. Answers the new pieces when they lie at the end, or `rebuild` when they went into the middle.
   */
  add(chunk: Chunk): { pieces: Piece[] } | 'rebuild' | 'known' {
    const fresh = this.uncovered(chunk)
    const retimed = this.retime(chunk)
    if (fresh.length === 0) return retimed ? 'rebuild' : 'known'
    const end = this.end
    const atEnd = end === undefined || (fresh[0]?.offset ?? 0) >= end
    for (const part of fresh) this.store(part)
    if (!atEnd || end === undefined || retimed) {
      this.resync()
      return 'rebuild'
    }
    const pieces: Piece[] = []
    for (const part of fresh) {
      const before = this.chunks[this.chunks.indexOf(part) - 1]
      const from = before ? endOf(before) : part.offset
      const known = this.holes.findLast((h) => h.to === part.offset)
      if (part.offset > this.read.offset && !known && part.offset > from) {
        const hole = {
          from: Math.max(from, this.read.offset),
          to: part.offset,
          reason: 'missing',
          open: true,
        }
        this.addHole(hole)
        pieces.push(...this.flushOpen(), this.holePiece(hole))
      }
      pieces.push(...this.take(part))
    }
    return { pieces }
  }

  /** The source says that bytes are missing, and why. */
  miss(from: number, to: number, reason: string): Piece[] {
    const end = this.end
    const start = end === undefined ? from : Math.max(from, end)
    if (to <= start) return []
    const hole: Hole = { from: start, to, reason, open: REFETCHABLE.has(reason) }
    this.addHole(hole)
    const pieces = [...this.flushOpen(), this.holePiece(hole)]
    this.read.offset = to
    return pieces
  }

  /** Asking brought nothing: the bytes are gone. */
  close(hole: Hole): void {
    const found = this.holes.find((h) => h.from === hole.from)
    if (found) found.open = false
  }

  openHoles(): Hole[] {
    return this.holes.filter((h) => h.open)
  }

  /** Everything from the start, as pieces; also puts the incremental reader at the end. */
  rebuild(): Piece[] {
    const pieces: Piece[] = []
    this.resync(pieces)
    return pieces
  }

  /** Forgets the oldest bytes beyond `max`. True when something went. */
  bound(max: number): boolean {
    if (this.size <= max) return false
    while (this.size > max / 2 && this.chunks.length > 1) {
      const gone = this.chunks.shift()
      this.size -= gone?.bytes.length ?? 0
    }
    const first = this.first ?? 0
    this.holes = this.holes.filter((h) => h.to > first)
    return true
  }

  private holePiece(hole: Hole): Piece {
    const before = this.chunks.findLast((c) => endOf(c) <= hole.from)
    const after = this.chunks.find((c) => c.offset >= hole.to)
    const at = before ? timeAt(before, endOf(before) - 1) : (after?.times[0]?.[1] ?? 0)
    return { kind: 'hole', hole, at, until: after?.times[0]?.[1] ?? at }
  }

  private addHole(hole: Hole): void {
    this.holes.push(hole)
    this.holes.sort((a, b) => a.from - b.from)
  }

  /** Live bytes carry one time a frame, stored ones many: the finer times win. True when some were new. */
  private retime(chunk: Chunk): boolean {
    if (chunk.times.length < 2) return false
    let changed = false
    for (const held of this.chunks) {
      const finer = chunk.times.filter(([at]) => at >= held.offset && at < endOf(held))
      if (finer.length <= held.times.length) continue
      const times = new Map([...held.times, ...finer])
      if (times.size === held.times.length) continue
      held.times = [...times].sort((a, b) => a[0] - b[0])
      changed = true
    }
    return changed
  }

  /** The parts of `chunk` that are not held yet. */
  private uncovered(chunk: Chunk): Chunk[] {
    const parts: Chunk[] = []
    let from = chunk.offset
    const end = endOf(chunk)
    for (const held of this.chunks) {
      if (endOf(held) <= from) continue
      if (held.offset >= end) break
      if (held.offset > from) parts.push(slice(chunk, from, held.offset))
      from = Math.max(from, endOf(held))
    }
    if (from < end) parts.push(from === chunk.offset ? chunk : slice(chunk, from, end))
    return parts
  }

  private store(part: Chunk): void {
    const last = this.chunks.at(-1)
    this.chunks.push(part)
    this.size += part.bytes.length
    if (last && last.offset > part.offset) this.chunks.sort((a, b) => a.offset - b.offset)
    const end = endOf(part)
    const holes: Hole[] = []
    for (const hole of this.holes) {
      if (hole.to <= part.offset || hole.from >= end) {
        holes.push(hole)
        continue
      }
      if (hole.from < part.offset) holes.push({ ...hole, to: part.offset })
      if (hole.to > end) holes.push({ ...hole, from: end })
    }
    this.holes = holes
  }

  private resync(into?: Piece[]): void {
    this.read = { offset: this.first ?? 0, open: '', openStart: 0, openAt: 0 }
    this.half = new Uint8Array(0)
    const pieces: Piece[] = []
    let expected = this.first
    let holes = [...this.holes]
    for (const [nth, chunk] of this.chunks.entries()) {
      if (expected !== undefined && chunk.offset > expected) {
        pieces.push(...this.flushOpen())
        let named = holes.filter((h) => h.from < chunk.offset)
        holes = holes.filter((h) => h.from >= chunk.offset)
        if (named.length === 0) {
          const hole = { from: expected, to: chunk.offset, reason: 'missing', open: true }
          this.addHole(hole)
          named = [hole]
        }
        for (const hole of named) pieces.push(this.holePiece(hole))
      }
      // The tail begins in the middle of a line unless it is the start of the run.
      pieces.push(...this.take(chunk, nth === 0 && chunk.offset > 0))
      expected = endOf(chunk)
    }
    for (const hole of holes) pieces.push(...this.flushOpen(), this.holePiece(hole))
    into?.push(...pieces)
  }

  private flushOpen(): Piece[] {
    if (this.read.open === '') return []
    const { open, openStart, openAt } = this.read
    this.read.open = ''
    return [{ kind: 'line', start: openStart, at: openAt, text: open }]
  }

  private take(chunk: Chunk, skipFirst = false): Piece[] {
    const pieces: Piece[] = []
    const { bytes } = chunk
    let from = 0
    if (skipFirst) {
      const cut = bytes.indexOf(NEWLINE)
      from = cut < 0 ? 0 : cut + 1
    }
    while (from < bytes.length) {
      const cut = bytes.indexOf(NEWLINE, from)
      const to = cut < 0 ? bytes.length : cut
      const text = this.decode(bytes, from, to)
      if (this.read.open === '') {
        this.read.openStart = chunk.offset + from
        this.read.openAt = timeAt(chunk, chunk.offset + from)
      }
      const line = this.read.open + text
      if (cut < 0 && line.length < LINE_MAX) {
        this.read.open = line
        break
      }
      this.read.open = ''
      pieces.push({
        kind: 'line',
        start: this.read.openStart,
        at: this.read.openAt,
        text: line.replace(/\r+$/, ''),
      })
      from = cut < 0 ? to : to + 1
    }
    this.read.offset = endOf(chunk)
    return pieces
  }

  /** UTF-8 cut between two chunks is joined through the open line's bytes; a lone half becomes U+FFFD. */
  private half: Uint8Array = new Uint8Array(0)
  private decode(bytes: Uint8Array, from: number, to: number): string {
    let part = bytes.subarray(from, to)
    if (this.half.length > 0 && from === 0) {
      const joined = new Uint8Array(this.half.length + part.length)
      joined.set(this.half)
      joined.set(part, this.half.length)
      part = joined
    }
    this.half = new Uint8Array(0)
    if (to === bytes.length) {
      const keep = openUtf8(part)
      if (keep > 0) {
        this.half = part.slice(part.length - keep)
        part = part.subarray(0, part.length - keep)
      }
    }
    return decoder.decode(part)
  }
}

/** How many bytes at the end belong to a character that is not complete. */
function openUtf8(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return need > back ? back : 0
    }
  }
  return 0
}
