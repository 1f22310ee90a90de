import { afterEach, expect, it, vi } from 'vitest'
import { daysText, midnight } from './days'

afterEach(() => vi.unstubAllEnvs())

it('a day begins at midnight where the reader is, and has 23 hours where the clocks change', () => {
  vi.stubEnv('TZ', 'Europe/Berlin')
  expect(midnight('2026-03-29')?.toISOString()).toBe('2026-03-28T23:00:00.000Z')
  expect(midnight('2026-03-29', 1)?.toISOString()).toBe('2026-03-29T22:00:00.000Z')
  expect(midnight('2026-12-31', 1)?.toISOString()).toBe('2026-12-31T23:00:00.000Z')
})

it('what is no day is none', () => {
  for (const text of ['', 'today', '2026-02-30', '2026-13-01', '2026-1-1', '2026-01-01T00:00'])
    expect(midnight(text), text).toBeUndefined()
})

it('days are told by the ends that are set', () => {
  expect(daysText('2026-11-20', '2026-11-28')).toBe('20 Nov 2026 to 28 Nov 2026')
  expect(daysText('2026-11-20', '2026-11-20')).toBe('20 Nov 2026')
  expect(daysText('2026-11-20', undefined)).toBe('since 20 Nov 2026')
  expect(daysText(undefined, '2026-11-28')).toBe('until 28 Nov 2026')
  expect(daysText(undefined, undefined)).toBe('')
})
