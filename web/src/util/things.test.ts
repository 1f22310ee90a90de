import { expect, it } from 'vitest'
import type { AuditRow } from '~/api/types'
import { nounOf, nounsIn, peopleIn, subjectOf, toldName } from './things'

const row = (change: Partial<AuditRow>): AuditRow => ({
  id: '01ROW',
  at: '2026-11-20T12:00:00Z',
  actor: { kind: 'system', user: null, by: null },
  action: 'server.update',
  resource: 'server',
  resource_id: 's1',
  server: null,
  address: null,
  diff: null,
  ...change,
})

it('people are found as who did it, on whom, and within what changed', () => {
  const rows = [
    row({ actor: { kind: 'user', user: { id: 'a', name: 'ann' }, by: null } }),
    row({ resource: 'user', resource_id: 'b' }),
    row({ diff: { owner: { from: 'c', to: 'd' } } }),
    row({ diff: { owner: 'e', people: ['f', 7] } }),
  ]
  expect([...peopleIn(rows)].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})

it('what rows are about says which lists are worth reading', () => {
  const nouns = nounsIn([row({ diff: { role: 'r' } })])
  expect(['server', 'system', 'role'].every((noun) => nouns.has(noun))).toBe(true)
  expect(nouns.has('node')).toBe(false)
})

it('an entry tells the name of what was made, renamed or removed, and nothing else for one', () => {
  expect(toldName({ diff: { name: 'Old Harbour' } })).toBe('Old Harbour')
  expect(toldName({ diff: { name: { from: 'a', to: 'b' } } })).toBe('b')
  expect(toldName({ diff: { username: 'ann' } })).toBe('ann')
  expect(toldName({ diff: { name: null, host: 'ghcr.io' } })).toBe('ghcr.io')
  expect(toldName({ diff: { name: ['a'] } })).toBeUndefined()
  expect(toldName({ diff: null })).toBeUndefined()
})

it('an id leads to a thing of the entry’s own kind, and to no other', () => {
  const things = new Map([['x', { kind: 'server', name: 'Lantern Vale', stands: true } as const]])
  expect(subjectOf({ resource: 'server', resource_id: 'x' }, things)?.name).toBe('Lantern Vale')
  for (const resource of ['session', 'user', 'constructor'])
    expect(subjectOf({ resource, resource_id: 'x' }, things)).toBeUndefined()
  expect(subjectOf({ resource: 'server', resource_id: null }, things)).toBeUndefined()
})

it('nouns are said as people say them', () => {
  expect([nounOf('user'), nounOf('join_token'), nounOf('server')]).toEqual(['person', 'join token', 'server'])
})
