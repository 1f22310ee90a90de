import { expect, it } from 'vitest'
import { dayOf, endOf } from './ends'

it('a day ends with its last second, and reads back as the same day', () => {
  const end = endOf('2026-12-31')
  expect(end).toBe(new Date(2026, 11, 31, 23, 59, 59).toISOString())
  expect(dayOf(end)).toBe('2026-12-31')
})

it('no day is no end', () => {
  expect([dayOf(null), endOf('')]).toEqual(['', null])
})

it('an end that was set to the minute stays so while its day does', () => {
  const before = new Date(2026, 10, 29, 17, 45).toISOString()
  expect(dayOf(before)).toBe('2026-11-29')
  expect(endOf('2026-11-29', before)).toBe(before)
  expect(endOf('2026-11-30', before)).toBe(new Date(2026, 10, 30, 23, 59, 59).toISOString())
})
