import { expect, it } from 'vitest'
import { badName, freeName, join, nameOf, parent, stemLength, steps, typedPath, within } from './path'

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

it('places are typed as people type them, and never climb', () => {
  expect(typedPath('world//region/')).toBe('/world/region')
  expect(typedPath(' /home/container/logs ')).toBe('/logs')
  expect(typedPath('/home/containers')).toBe('/home/containers')
  expect(typedPath('./a/./b')).toBe('/a/b')
  expect(typedPath('/a/../b')).toBeUndefined()
  expect(typedPath('')).toBe('/')
})

it('a folder holds itself and what is in it, not what begins alike', () => {
  expect(within('/world/region', '/world')).toBe(true)
  expect(within('/world', '/world')).toBe(true)
  expect(within('/world_old', '/world')).toBe(false)
  expect(within('/a', '/')).toBe(true)
})

it('names are changed up to their ending', () => {
  expect(stemLength('world.tar.gz')).toBe(5)
  expect(stemLength('server.properties')).toBe(6)
  expect(stemLength('.bashrc')).toBe(7)
  expect(stemLength('README')).toBe(6)
})

it('a copy takes the next free name', () => {
  const word = (stem: string, n: number) => (n === 1 ? `${stem} copy` : `${stem} copy ${n}`)
  expect(freeName('a.txt', new Set(), word)).toBe('a.txt')
  expect(freeName('a.txt', new Set(['a.txt']), word)).toBe('a copy.txt')
  expect(freeName('a.txt', new Set(['a.txt', 'a copy.txt']), word)).toBe('a copy 2.txt')
})
