import { expect, it } from 'vitest'
import { all, at, kept, NOTHING, only, ranged, stepped, toggled } from './selection'

const NAMES = ['a', 'b', 'c', 'd', 'e']
const chosen = (selection: { chosen: ReadonlySet<string> }) => [...selection.chosen].sort().join('')

it('selects one, some and a range', () => {
  const one = only('b')
  expect(chosen(one)).toBe('b')
  expect(chosen(toggled(one, 'd'))).toBe('bd')
  expect(chosen(toggled(toggled(one, 'd'), 'b'))).toBe('d')
  expect(chosen(ranged(one, NAMES, 'd'))).toBe('bcd')
  // A range turns around where it began.
  expect(chosen(ranged(ranged(only('c'), NAMES, 'e'), NAMES, 'a'))).toBe('abc')
  expect(chosen(ranged(toggled(only('a'), 'c'), NAMES, 'd', true))).toBe('acd')
  expect(chosen(all(NOTHING, NAMES))).toBe('abcde')
})

it('starts a range anew where it began at nothing', () => {
  expect(chosen(ranged(NOTHING, NAMES, 'c'))).toBe('c')
  expect(chosen(ranged(only('gone'), NAMES, 'c'))).toBe('c')
})

it('walks with the arrows and stops at the ends', () => {
  expect(stepped(NOTHING, NAMES, 1).active).toBe('a')
  expect(stepped(NOTHING, NAMES, -1).active).toBe('e')
  expect(stepped(only('e'), NAMES, 1).active).toBe('e')
  expect(stepped(only('c'), NAMES, -10).active).toBe('a')
  const more = stepped(stepped(only('b'), NAMES, 1, 'extend'), NAMES, 1, 'extend')
  expect(chosen(more)).toBe('bcd')
  const walked = stepped(only('b'), NAMES, 2, 'walk')
  expect([chosen(walked), walked.active]).toEqual(['b', 'd'])
  expect(stepped(at('c'), [], 1).active).toBe('c')
})

it('keeps what is still there when the list changes', () => {
  const two = toggled(only('b'), 'c')
  const after = kept(two, NAMES, ['a', 'b', 'd', 'e'])
  expect([chosen(after), after.active, after.anchor]).toEqual(['b', 'd', undefined])
  expect(kept(two, NAMES, NAMES)).toBe(two)
  expect(kept(only('e'), NAMES, ['a', 'b']).active).toBe('b')
  expect(kept(only('a'), NAMES, []).active).toBeUndefined()
})

it('comes in from nowhere at the end that a key means', () => {
  const names = ['a', 'b', 'c']
  expect(stepped(NOTHING, names, 1).active).toBe('a')
  expect(stepped(NOTHING, names, -1).active).toBe('c')
  expect(stepped(NOTHING, names, -3).active).toBe('a')
  expect(stepped(NOTHING, names, 3).active).toBe('c')
  expect(stepped(NOTHING, ['a'], 1).active).toBe('a')
})
