import { expect, it } from 'vitest'
import { playerAddress, portCount, portRange } from './ports'

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

it('an address is the one that players use', () => {
  expect(playerAddress({ ip: '0.0.0.0', port: 25565 }, 'play.example.net')).toBe('play.example.net:25565')
  expect(playerAddress({ ip: '203.0.113.4', port: 25565 }, 'play.example.net')).toBe('203.0.113.4:25565')
  expect(playerAddress({ ip: '2001:db8::1', port: 1, alias: null }, undefined)).toBe('[2001:db8::1]:1')
  expect(playerAddress({ ip: '10.0.0.1', port: 1, alias: 'vale.net' }, undefined)).toBe('vale.net:1')
})
