import { expect, it } from 'vitest'
import type { Mine } from '~/hooks/use-may'
import { ADMIN_PLACES, openTo, PLACES } from './nav'

const having = (...keys: string[]): Mine => ({
  user: undefined,
  admin: false,
  keys: new Set(keys),
  may: (key) => keys.includes(key),
  somewhere: (key) => keys.includes(key),
})
const open = (mine: Mine) => openTo(mine, [...PLACES, ...ADMIN_PLACES]).map(({ to }) => to)

it('who has nothing on the panel is led to their servers and what is done to them alone', () => {
  expect(open(having())).toEqual(['/', '/servers', '/operations'])
})

it('a key opens its place and no other', () => {
  expect(open(having('person.read'))).toEqual(['/', '/servers', '/people', '/operations'])
  expect(open(having('audit.read'))).toEqual(['/', '/servers', '/audit', '/operations'])
  expect(open(having('plan.read'))).toEqual(['/', '/servers', '/plans', '/operations'])
  expect(open(having('mount.read'))).toEqual(['/', '/servers', '/operations', '/mounts'])
  expect(open(having('role.read', 'node.read'))).toEqual(['/', '/servers', '/nodes', '/roles', '/operations'])
})

it('nodes are open to somebody who sees one of them', () => {
  expect(open({ ...having(), somewhere: (key) => key === 'node.read' })).toContain('/nodes')
})
