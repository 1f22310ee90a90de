import { expect, it } from 'vitest'
import type { FileEntry } from '~/api/types'
import { BY_NAME, filtered, orderOf, orderText, sorted, turned } from './order'

const entry = (name: string, kind = 'file', size = 0, day = 1) =>
  ({ name, kind, size_bytes: size, modified_at: `2026-11-0${day}T00:00:00Z`, mode: 0o644 }) as FileEntry
const LIST = [
  entry('level10.dat', 'file', 30, 2),
  entry('world', 'directory', 4096, 9),
  entry('level2.dat', 'file', 70, 3),
  entry('Zeta.txt', 'file', 30, 1),
  entry('alpha', 'directory', 4096, 1),
]
const order = (text?: string) =>
  sorted(LIST, orderOf(text))
    .map((each) => each.name)
    .join(' ')

it('puts folders first and counts in names', () => {
  expect(order()).toBe('alpha world level2.dat level10.dat Zeta.txt')
  expect(order('-name')).toBe('world alpha Zeta.txt level10.dat level2.dat')
})

it('sorts by size and time, and by name where those are equal', () => {
  expect(order('-size')).toBe('alpha world level2.dat level10.dat Zeta.txt')
  expect(order('size')).toBe('alpha world level10.dat Zeta.txt level2.dat')
  expect(order('-modified')).toBe('world alpha level2.dat level10.dat Zeta.txt')
})

it('turns a column around, and begins with what is largest and newest', () => {
  expect(turned(BY_NAME, 'name')).toEqual({ by: 'name', descending: true })
  expect(turned(BY_NAME, 'size')).toEqual({ by: 'size', descending: true })
  expect(turned(orderOf('-size'), 'size')).toEqual({ by: 'size', descending: false })
})

it('stands in the address, and nothing else does', () => {
  expect(orderText(BY_NAME)).toBeUndefined()
  expect(orderText(orderOf('-modified'))).toBe('-modified')
  expect(orderOf('-owner')).toEqual(BY_NAME)
})

it('filters by every word', () => {
  expect(filtered(LIST, 'dat 10').map((each) => each.name)).toEqual(['level10.dat'])
  expect(filtered(LIST, '  ')).toBe(LIST)
})
