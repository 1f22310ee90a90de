import { expect, it } from 'vitest'
import type { Permission, Preset } from '~/api/types'
import { foundKeys } from './right-text'
import { changeText, fewOf, lackedOf, presetOf, rightsText, sectionsOf } from './rights'

const permission = (key: string, set: string, description = ''): Permission => ({ key, set, description })
const KEYS = [
  permission('server.read', 'server', 'See the server.'),
  permission('control.start', 'server', 'Start it.'),
  permission('control.stop', 'server', 'Stop or kill it.'),
  permission('server.delete', 'server', 'Delete the server.'),
  permission('node.read', 'node', 'See nodes.'),
  permission('moon.walk', 'moon', 'Walk there.'),
]
const PRESETS: Preset[] = [
  { name: 'viewer', description: '', keys: ['server.read', 'control.console'] },
  { name: 'operator', description: '', keys: ['server.read', 'control.console', 'control.start'] },
]

it('keys stand by set and first word, in the order in which they come', () => {
  expect(
    sectionsOf(KEYS).map(({ set, groups }) => [
      set,
      ...groups.map((g) => g.keys.map((k) => k.key).join(' ')),
    ]),
  ).toEqual([
    ['server', 'server.read server.delete', 'control.start control.stop'],
    ['node', 'node.read'],
    ['moon', 'moon.walk'],
  ])
})

it('a set and a word that are not known here still have a title', () => {
  const [moon] = sectionsOf(KEYS).slice(-1)
  expect([moon?.title, moon?.groups[0]?.title]).toEqual(['Moon', 'Moon'])
})

it('keys are found by their name and by what they allow', () => {
  expect(foundKeys(KEYS, ' Kill ').map((k) => k.key)).toEqual(['control.stop'])
  expect(foundKeys(KEYS, 'control.').map((k) => k.key)).toEqual(['control.start', 'control.stop'])
  expect(foundKeys(KEYS, '')).toHaveLength(KEYS.length)
})

it('a preset is known by its keys in any order, whether or not seeing the server is said', () => {
  expect(presetOf(['control.console', 'server.read'], PRESETS)?.name).toBe('viewer')
  expect(presetOf(['control.console'], PRESETS)?.name).toBe('viewer')
  expect(presetOf(['control.start', 'control.console'], PRESETS)?.name).toBe('operator')
})

it('a key more or less is no preset, and nothing is none', () => {
  expect(presetOf(['control.console', 'file.read'], PRESETS)).toBeUndefined()
  expect(presetOf(['control.start'], PRESETS)).toBeUndefined()
  expect(presetOf([], [{ name: 'bare', description: '', keys: ['server.read'] }])).toBeUndefined()
})

it('rights read as a preset, or as how many of all', () => {
  expect(rightsText(['control.console', 'server.read'], PRESETS, 46)).toBe('Viewer')
  expect(rightsText(['control.start', 'server.read'], PRESETS, 46)).toBe('2 of 46')
})

it('what one lacks is told, shortly where it is much', () => {
  expect(lackedOf(['a', 'b', 'c'], new Set(['b']))).toEqual(['a', 'c'])
  expect(fewOf(['a', 'b'])).toBe('a, b')
  expect(fewOf(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more')
})

it('a change of keys is told as what is added and what is taken away', () => {
  expect(changeText(['a', 'b'], new Set(['b', 'c', 'd']))).toBe('2 added, 1 taken away')
  expect(changeText(['a'], new Set(['a', 'b']))).toBe('1 added')
  expect(changeText(['b', 'a'], new Set(['a', 'b']))).toBe('')
})
