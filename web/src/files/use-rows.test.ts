import { expect, it } from 'vitest'
import { rowsIn } from './use-rows'

it('draws what is in view, and some around it', () => {
  expect(rowsIn(0, 720, 36, 5000, 32)).toEqual({ first: 0, end: 28 })
  expect(rowsIn(36_000, 720, 36, 5000, 32)).toEqual({ first: 992, end: 1028 })
  expect(rowsIn(0, 720, 36, 3, 32)).toEqual({ first: 0, end: 3 })
  // A list that became shorter under somebody who was far down.
  expect(rowsIn(90_000, 720, 36, 10, 32)).toEqual({ first: 10, end: 10 })
})
