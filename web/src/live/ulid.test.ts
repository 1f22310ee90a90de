import { expect, test } from 'vitest'
import { ulid } from './ulid'

test('an id has the form that the API takes, and sorts by its time', () => {
  expect(ulid()).toMatch(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/)
  expect(ulid(1_700_000_000_000) < ulid(1_700_000_000_001)).toBe(true)
  expect(ulid(0).slice(0, 10)).toBe('0000000000')
  expect(ulid()).not.toBe(ulid())
})
