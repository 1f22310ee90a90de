import { expect, it } from 'vitest'
import { nodes, servers } from '~/mock-api/data'
import { awayNodes, countIn, countOf, matches, narrowOf } from './fleet'

const tally = {
  total: 100,
  new: 1,
  installing: 2,
  stopped: 30,
  starting: 4,
  running: 50,
  stopping: 6,
  crashed: 3,
  error: 4,
}

it('a family is counted by the states behind it', () => {
  const away = awayNodes(nodes)
  expect(countOf(tally, 'running', away)).toBe(50)
  expect(countOf(tally, 'moving', away)).toBe(12)
  expect(countOf(tally, 'failed', away)).toBe(7)
  expect(countOf(tally, 'stopped', away)).toBe(31)
})

it('what stands on nodes that are away needs a look', () => {
  const away = awayNodes(nodes)
  expect(away.map((node) => node.name)).toEqual(['den-1'])
  expect(countOf(tally, 'look', away)).toBe(away[0]?.servers.total)
})

it('rows in hand are counted by what is shown of them', () => {
  expect(countIn(servers, 'look')).toBe(2)
  expect(countIn(servers, 'failed')).toBe(2)
})

it('filters become what control can narrow by', () => {
  expect(narrowOf({}, [])).toEqual({})
  expect(narrowOf({ q: ' vale ', state: 'failed', node: 'a' }, ['b'])).toEqual({
    search: 'vale',
    states: ['crashed', 'error'],
    nodes: ['a'],
  })
  expect(narrowOf({ state: 'look' }, ['b', 'c'])).toEqual({ nodes: ['b', 'c'] })
  expect(narrowOf({ state: 'look', node: 'a' }, ['b'])).toEqual({ nodes: [] })
})

it('a text is looked for in all that is shown of a server', () => {
  const [vale] = servers
  if (!vale) throw new Error('the mock has servers')
  for (const text of ['lantern', 'paper', 'fra-2', 'play.example', vale.id, ' '])
    expect(matches(vale, text)).toBe(true)
  expect(matches(vale, 'rust')).toBe(false)
})
