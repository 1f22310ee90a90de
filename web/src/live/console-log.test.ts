import { describe, expect, it } from 'vitest'
import { levelOfLine, plain, sanitize, sanitizeOpen } from './ansi'
import { ConsoleLog } from './console-log'
import { encodeFrame, parseFrame } from './frame'

const RUN = '01kah7q3zd0000000000000000'
const encoder = new TextEncoder()
function bytes(text: string, offset: number, at: number) {
  return { offset, bytes: encoder.encode(text), times: [[offset, at]] as Array<[number, number]> }
}
function shown(log: ConsoleLog): string[] {
  log.settle()
  return log.entries.map((e) =>
    e.kind === 'line' ? `${e.level}: ${e.text}` : `hole ${e.hole.from}-${e.hole.to}`,
  )
}

describe('a console', () => {
  it('puts our own lines in place by their own time', () => {
    const log = new ConsoleLog()
    log.begin(RUN)
    log.add(RUN, 'game', bytes('early\n', 0, 1_700_000_001_000))
    log.add(RUN, 'game', bytes('late\n', 6, 1_700_000_009_000))
    log.add(RUN, 'warren', bytes('1700000005000 Pulling the image\n', 0, 1_700_000_020_000))
    expect(shown(log)).toEqual(['normal: early', 'own: Pulling the image', 'normal: late'])
  })
  it('goes on from what it holds', () => {
    const log = new ConsoleLog()
    expect(log.cursor()).toBeUndefined()
    log.begin(RUN)
    log.add(RUN, 'game', bytes('abc\n', 100, 1))
    expect(log.cursor()).toEqual({ run: RUN, game: 104, warren: 0 })
  })
  it('repaints only when something changed before the end', () => {
    const log = new ConsoleLog()
    log.begin(RUN)
    log.add(RUN, 'game', bytes('one\n', 0, 1000))
    shown(log)
    const { revision } = log
    log.add(RUN, 'game', bytes('two\n', 4, 2000))
    expect(shown(log)).toHaveLength(2)
    expect(log.revision).toBe(revision)
    log.add(RUN, 'game', bytes('four\n', 14, 4000))
    expect(shown(log)).toEqual(['normal: one', 'normal: two', 'hole 8-14', 'normal: four'])
    log.add(RUN, 'game', bytes('three\n', 8, 3000))
    expect(shown(log)).toEqual(['normal: one', 'normal: two', 'normal: three', 'normal: four'])
    expect(log.revision).toBeGreaterThan(revision)
  })
  it('forgets its oldest lines without a repaint', () => {
    const log = new ConsoleLog()
    log.begin(RUN)
    log.add(RUN, 'game', bytes('first\n', 0, 1000))
    shown(log)
    const { revision } = log
    for (let at = 6; at < 13_000 * 2; at += 2) log.add(RUN, 'game', bytes('x\n', at, 2000))
    log.settle()
    expect(log.revision).toBe(revision)
    expect(log.entries.length).toBeLessThan(12_001)
    expect(log.forgotten + log.entries.length).toBe(12_998)
  })
  it('shows what was typed once, with an echo and without', () => {
    const log = new ConsoleLog()
    log.begin(RUN)
    log.add(RUN, 'game', bytes('ready\n', 0, 1000))
    log.expect('list', 2000)
    log.add(RUN, 'game', bytes('list\n', 6, 2050))
    log.answered('list', true)
    log.settleTyped(4000)
    log.expect('save', 5000)
    log.answered('save', true)
    log.expect('refused', 5000)
    log.answered('refused', false)
    log.settleTyped(6000)
    expect(shown(log)).toEqual(['normal: ready', 'typed: list', 'typed: save'])
  })
  it('keeps a hole that nobody can fill', () => {
    const log = new ConsoleLog()
    log.begin(RUN)
    log.add(RUN, 'game', bytes('a\n', 0, 1000))
    log.miss(RUN, 'game', 2, 900, 'slow')
    const hole = log.entries.at(-1)
    if (hole?.kind !== 'hole') throw new Error('no hole')
    expect(log.openHoles()).toHaveLength(1)
    log.giveUp(hole)
    expect(log.openHoles()).toHaveLength(0)
    expect(shown(log)).toEqual(['normal: a', 'hole 2-900'])
  })
})

describe('levels', () => {
  it('are read from what games write', () => {
    const levels = [
      '[12:00:01 WARN]: slow',
      '[Server thread/ERROR]: no',
      '\tat a.b.C(D.java:1)',
      'all good, no errors',
    ].map((line, at, all) => levelOfLine(line, at > 0 ? levelOfLine(all[at - 1] ?? '', 'normal') : 'normal'))
    expect(levels).toEqual(['warn', 'error', 'error', 'normal'])
  })
})

describe('escapes', () => {
  it('keep colour and drop what moves lines', () => {
    expect(sanitize('\x1b[31mred\x1b[0m\x1b[2J\x1b[H\x1b]0;title\x07!')).toBe('\x1b[31mred\x1b[0m!')
  })
  it('that are cut in half wait', () => {
    expect(sanitizeOpen('ab\x1b[3')).toBe('ab')
    expect(sanitizeOpen('ab\x1b[31mc')).toBe('ab\x1b[31mc')
  })
  it('are gone for a reader, with a line written over as it last was', () => {
    expect(plain('\x1b[32m10 %\r50 %\r100 %\x1b[0m')).toBe('100 %')
  })
})

describe('frames', () => {
  it('come back as they were sent', () => {
    const frame = {
      server: RUN,
      run: RUN,
      stream: 'warren' as const,
      offset: 2 ** 40,
      at: 1_700_000_000_123,
      bytes: encoder.encode('hi'),
    }
    expect(parseFrame(encodeFrame(frame, 2))).toEqual(frame)
  })
  it('of another kind are left alone', () => {
    const buffer = encodeFrame({
      server: RUN,
      run: RUN,
      stream: 'game',
      offset: 0,
      at: 0,
      bytes: new Uint8Array(),
    })
    new DataView(buffer).setUint8(0, 9)
    expect(parseFrame(buffer)).toBeUndefined()
    expect(parseFrame(new ArrayBuffer(12))).toBeUndefined()
  })
})
