import { expect, it } from 'vitest'
import type { EggSummary, Nest } from '~/api/types'
import { grouped } from './nests'

const nest = (id: string, name: string): Nest => ({
  ...{ id, name, description: '', eggs: 0, created_at: '', updated_at: '' },
})
const egg = (name: string, of?: Nest) =>
  ({ id: name, name, nest: of ? { id: of.id, name: of.name } : null }) as EggSummary
const told = (eggs: EggSummary[], nests: Nest[], empty = false) =>
  grouped(eggs, nests, empty).map(({ name, nest, eggs }) => [name, nest !== undefined, eggs.length])

const games = nest('2', 'Games')
const voice = nest('1', 'Voice')

it('nests come by name and what is in none comes last', () => {
  const eggs = [egg('a'), egg('b', voice), egg('c', games), egg('d', voice)]
  expect(told(eggs, [voice, games])).toEqual([
    ['Games', true, 1],
    ['Voice', true, 2],
    ['', false, 1],
  ])
})

it('a nest without an egg is there while nothing is searched for', () => {
  expect(told([egg('b', voice)], [voice, games], true)).toEqual([
    ['Games', true, 0],
    ['Voice', true, 1],
  ])
  expect(told([egg('b', voice)], [voice, games])).toEqual([['Voice', true, 1]])
})

it('who sees eggs and no nests has the names that eggs tell', () => {
  expect(told([egg('b', voice)], [])).toEqual([['Voice', false, 1]])
})
