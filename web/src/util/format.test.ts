import { describe, expect, it } from 'vitest'
import {
  bytesText,
  count,
  countShort,
  digits,
  duration,
  elapsed,
  ofText,
  percentText,
  rateText,
  relative,
  sentence,
} from './format'

describe('figures', () => {
  it('name the unit of a share once, unless it is two', () => {
    expect(ofText(24.9 * 1024 ** 3, 32 * 1024 ** 3)).toBe('24.9 of 32 GiB')
    expect(ofText(800 * 1024 ** 3, 1.76 * 1024 ** 4)).toBe('800 GiB of 1.76 TiB')
  })
  it('have three significant digits at every size', () => {
    expect([3.637, 74.61, 187.6, 0.4199, 9.996, 99.96].map(digits)).toEqual([
      '3.64',
      '74.6',
      '188',
      '0.42',
      '10.0',
      '100',
    ])
  })
  it('are a plain 0 when there is nothing', () => {
    expect(digits(0)).toBe('0')
    expect(digits(Number.NaN)).toBe('0')
  })
  it('move to the next unit before showing four digits', () => {
    expect(bytesText(1023)).toBe('1.00 KiB')
    expect(bytesText(999)).toBe('999 B')
    expect(bytesText(1023 * 1024)).toBe('1.00 MiB')
    expect(bytesText(3.64 * 1024 ** 3)).toBe('3.64 GiB')
  })
  it('of limits lose their empty decimals', () => {
    expect(bytesText(6 * 1024 ** 3, true)).toBe('6 GiB')
    expect(bytesText(0.5 * 1024 ** 3, true)).toBe('512 MiB')
    expect(percentText(200, true)).toBe('200 %')
  })
  it('per second say so', () => {
    expect(rateText(412 * 1024)).toBe('412 KiB/s')
  })
  it('are grouped without breaking', () => {
    expect(count(4182)).toBe('4 182')
  })
})

describe('times', () => {
  it('name the leading units', () => {
    expect(duration(8_000)).toBe('8 s')
    expect(duration(12 * 60_000)).toBe('12 min')
    expect(duration((2 * 60 + 14) * 60_000)).toBe('2 h 14 min')
    expect(duration(41 * 86_400_000)).toBe('41 days')
  })
  it('keep seconds while somebody waits', () => {
    expect(elapsed(108_000)).toBe('1 min 48 s')
  })
  it('are relative to a given now', () => {
    expect(relative(0, 6 * 60_000)).toBe('6 min ago')
    expect(relative(6 * 3_600_000, 0)).toBe('in 6 h')
    expect(relative(0, 400)).toBe('just now')
  })
})

it('a count is short where there is little room', () => {
  expect(countShort(950)).toBe('950')
  expect(countShort(1500)).toBe('1.5k')
  expect(countShort(100_000)).toBe('100k')
  expect(countShort(2_000_000)).toBe('2M')
})

it('begins a sentence, but changes no name of a file', () => {
  expect(sentence('only 400 MiB are free')).toBe('Only 400 MiB are free')
  expect(sentence('that is all.')).toBe('That is all.')
  expect(sentence('openttd.cfg does not exist')).toBe('openttd.cfg does not exist')
  expect(sentence('/world is not there')).toBe('/world is not there')
})
