import { expect, it } from 'vitest'
import { badName, join, nameOf, parent, steps } from './path'

it('paths are taken apart and put together below the root', () => {
  expect(join('/', 'a')).toBe('/a')
  expect(join('/a', 'b')).toBe('/a/b')
  expect(parent('/a/b')).toBe('/a')
  expect(parent('/a')).toBe('/')
  expect(nameOf('/a/b.txt')).toBe('b.txt')
  expect(steps('/a/b')).toEqual([
    { name: 'a', path: '/a' },
    { name: 'b', path: '/a/b' },
  ])
})

it('names that mean more than a name are refused', () => {
  expect(badName('..')).toBeTruthy()
  expect(badName('a/b')).toBeTruthy()
  expect(badName(' ')).toBeTruthy()
  expect(badName('server.properties')).toBeUndefined()
})
