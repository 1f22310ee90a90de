import { describe, expect, it } from 'vitest'
import { type Piece, StreamLog } from './stream-log'

const encoder = new TextEncoder()
const SOURCE = 'first line\nsecond line\nthird line\nfourth line\n'

function piece(from: number, to: number, at = from) {
  return {
    offset: from,
    bytes: encoder.encode(SOURCE).subarray(from, to),
    times: [[from, at]] as Array<[number, number]>,
  }
}
function show(pieces: Piece[]): string[] {
  return pieces.map((p) => (p.kind === 'line' ? p.text : `[${p.hole.from}-${p.hole.to} ${p.hole.reason}]`))
}
function added(log: StreamLog, ...args: Parameters<typeof piece>): string[] {
  const answer = log.add(piece(...args))
  return typeof answer === 'string' ? [answer] : show(answer.pieces)
}

describe('a stream', () => {
  it('joins lines that were cut between frames', () => {
    const log = new StreamLog('r', 'game')
    expect(added(log, 0, 4)).toEqual(['rebuild'])
    expect(added(log, 4, 15)).toEqual(['first line'])
    expect(log.openLine?.text).toBe('seco')
    expect(added(log, 15, 23)).toEqual(['second line'])
    expect(log.openLine).toBeUndefined()
  })
  it('drops what it has already, also in part', () => {
    const log = new StreamLog('r', 'game')
    log.add(piece(0, 23))
    expect(added(log, 0, 11)).toEqual(['known'])
    expect(added(log, 11, 34)).toEqual(['third line'])
    expect(log.end).toBe(34)
  })
  it('shows a hole and closes it when the bytes come', () => {
    const log = new StreamLog('r', 'game')
    log.add(piece(0, 11))
    expect(added(log, 23, 34)).toEqual(['[11-23 missing]', 'third line'])
    expect(log.openHoles()).toHaveLength(1)
    expect(added(log, 11, 23)).toEqual(['rebuild'])
    expect(show(log.rebuild())).toEqual(['first line', 'second line', 'third line'])
    expect(log.openHoles()).toHaveLength(0)
  })
  it('fills a hole from both sides', () => {
    const log = new StreamLog('r', 'game')
    log.add(piece(0, 11))
    log.add(piece(34, 46))
    log.add(piece(11, 15))
    log.add(piece(30, 34))
    expect(log.openHoles().map((h) => [h.from, h.to])).toEqual([[15, 30]])
    log.add(piece(11, 46))
    expect(show(log.rebuild())).toEqual(['first line', 'second line', 'third line', 'fourth line'])
  })
  it('keeps a gap that the source has named, with its reason', () => {
    const log = new StreamLog('r', 'game')
    log.add(piece(0, 11))
    expect(show(log.miss(11, 23, 'rate'))).toEqual(['[11-23 rate]'])
    expect(added(log, 23, 34)).toEqual(['third line'])
    expect(show(log.rebuild())).toEqual(['first line', '[11-23 rate]', 'third line'])
    expect(log.openHoles()).toHaveLength(0)
  })
  it('takes history before its first byte', () => {
    const log = new StreamLog('r', 'game')
    log.add(piece(15, 34))
    expect(show(log.rebuild())).toEqual(['third line'])
    expect(added(log, 0, 15)).toEqual(['rebuild'])
    expect(show(log.rebuild())).toEqual(['first line', 'second line', 'third line'])
  })
  it('keeps each line the time of its first byte', () => {
    const log = new StreamLog('r', 'game')
    log.add(piece(0, 4, 100))
    log.add(piece(4, 23, 900))
    expect(log.rebuild().map((p) => p.at)).toEqual([100, 900])
  })
  it('takes finer times for bytes that it has', () => {
    const log = new StreamLog('r', 'game')
    log.add(piece(0, 34, 900))
    const answer = log.add({
      ...piece(0, 34),
      times: [
        [0, 100],
        [11, 200],
        [23, 300],
      ],
    })
    expect(answer).toBe('rebuild')
    expect(log.rebuild().map((p) => p.at)).toEqual([100, 200, 300])
    expect(added(log, 0, 34)).toEqual(['known'])
  })
  it('joins a character that was cut between frames', () => {
    const log = new StreamLog('r', 'game')
    const bytes = encoder.encode('käse €\n')
    for (let at = 0; at < bytes.length; at++)
      log.add({ offset: at, bytes: bytes.subarray(at, at + 1), times: [[at, 1]] })
    expect(show(log.rebuild())).toEqual(['käse €'])
  })
  it('forgets its oldest bytes beyond a bound', () => {
    const log = new StreamLog('r', 'game')
    log.add(piece(0, 11))
    log.add(piece(11, 23))
    log.add(piece(23, 46))
    expect(log.bound(40)).toBe(true)
    expect(log.first).toBeGreaterThan(0)
    expect(log.byteSize).toBeLessThan(40)
  })
})

describe('any order of any overlapping frames', () => {
  it('gives every byte exactly once', () => {
    let seed = 7
    const random = () => {
      seed = (seed * 1664525 + 1013904223) >>> 0
      return seed / 4294967296
    }
    for (let round = 0; round < 200; round++) {
      const log = new StreamLog('r', 'game')
      for (let step = 0; step < 12; step++) {
        const from = Math.floor(random() * SOURCE.length)
        log.add(piece(from, Math.min(SOURCE.length, from + 1 + Math.floor(random() * 20))))
      }
      log.add(piece(0, SOURCE.length))
      expect(show(log.rebuild())).toEqual(['first line', 'second line', 'third line', 'fourth line'])
    }
  })
})
