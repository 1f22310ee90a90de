import { expect, it } from 'vitest'
import { rateOf } from './rate'

it('a rate is a whole number from 1 to 3000, and nothing typed is none', () => {
  expect(['', ' ', '1', ' 3000 '].map(rateOf)).toEqual([null, null, 1, 3000])
  for (const bad of ['0', '3001', '1.5', '1e3', '0x10', '-1', 'ten']) expect(rateOf(bad)).toBe('wrong')
})
