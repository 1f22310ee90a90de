import { expect, it } from 'vitest'
import { portCount, portRange } from './ports'

it('ranges are read and nonsense is not', () => {
  expect(portRange('25565-25664')).toEqual({ first: 25565, last: 25664 })
  expect(portRange(' 27015 ')).toEqual({ first: 27015, last: 27015 })
  expect(portRange('9-1')).toBeUndefined()
  expect(portRange('0-70000')).toBeUndefined()
  expect(portRange('a')).toBeUndefined()
})

it('lists are counted', () => {
  expect(portCount('25565-25574, 27015')).toBe(11)
  expect(portCount('25565,')).toBeUndefined()
})
