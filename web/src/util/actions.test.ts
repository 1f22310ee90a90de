import { expect, it } from 'vitest'
import type { Permission } from '~/api/types'
import { actionChoices, askedText, doneText } from './actions'

const PERMISSIONS: Permission[] = [
  { key: 'control.start', set: 'server', description: 'Start it.' },
  { key: 'schedule.create', set: 'server', description: 'Make a schedule.' },
]
const done = (action: string, diff: Record<string, unknown> | null = null) =>
  doneText({ action, diff }, PERMISSIONS)
const found = (text: string, servers = false) => actionChoices(text, PERMISSIONS, servers).map(({ id }) => id)

it('what was done is told in the past, and not as what is allowed', () => {
  expect(done('control.start')).toBe('Ordered a start')
  expect(done('session.create')).toBe('Signed in')
})

it('several things under one key are told apart by what changed', () => {
  expect(done('control.stop', { action: 'kill', generation: 3 })).toBe('Ordered a kill')
  expect(done('control.stop', { action: 'stop', generation: 3 })).toBe('Ordered a stop')
  expect(done('file.update', { path: '/a', bytes: 3 })).toBe('Wrote a file')
  expect(done('file.update', { from: '/a', to: '/b' })).toBe('Moved a file')
  expect(done('node.delete', { revoked: true })).toBe('Revoked a node')
  expect(done('node.update', { orphan: 'adopt' })).toBe('Took an unknown server back')
  expect(done('location.update', { name: { from: 'a', to: 'b' } })).toBe('Changed a location')
  expect(done('location.update', { name: 'a' })).toBe('Made a location')
  expect(done('location.update', { name: 'a', deleted: true })).toBe('Removed a location')
  expect(done('role.grant', { what: 'taken' })).toBe('Took a role back')
})

it('one setting is named, several are not', () => {
  expect(done('server.update', { name: { from: 'a', to: 'b' } })).toBe('Renamed the server')
  expect(done('server.update', { suspended: { from: false, to: true } })).toBe('Suspended the server')
  expect(done('server.update', { name: { from: 'a', to: 'b' }, variables: ['A'] })).toBe('Changed settings')
})

it('an account that stays no admin is not told as an admin made', () => {
  expect(done('person.update', { admin: { from: false, to: false } })).toBe('Changed an account')
  expect(done('person.update', { admin: { from: false, to: true } })).toBe('Made somebody an admin')
})

it('a suspension, its lifting and another reason are told apart', () => {
  const told = (from: boolean, to: boolean) => done('person.suspend', { suspended: { from, to } })
  expect(told(false, true)).toBe('Suspended somebody')
  expect(told(true, true)).toBe('Changed the reason of a suspension')
  expect(told(true, false)).toBe('Lifted somebody’s suspension')
})

it('of a log-in it is told how it was proved, and of one that failed what was wrong', () => {
  expect(done('session.create', { second_factor: 'app' })).toBe('Signed in with two steps')
  expect(done('session.create', { second_factor: 'recovery_code' })).toBe('Signed in with a recovery code')
  expect(done('session.create', { passkey: 'Phone' })).toBe('Signed in with a passkey')
  expect(done('session.create', { provider: 'Acme ID' })).toBe('Signed in through another provider')
  expect(done('session.refused', { wrong: 'password' })).toBe('Failed to sign in: wrong password')
  expect(done('session.refused', { wrong: 'code' })).toBe('Failed to sign in: wrong code')
  expect(done('session.refused', { wrong: '<b>' })).toBe('Failed to sign in')
})

it('a password that a link has set is told apart from one that was changed', () => {
  expect(done('account.password')).toBe('Changed their own password')
  expect(done('account.password', { by: 'link' })).toBe('Set a password by a link')
  expect(done('account.password', { by: '<b>' })).toBe('Changed their own password')
  expect(done('password_link.create')).toBe('Asked for a link to another password')
})

it('an account is told as made with or without an invitation', () => {
  expect(done('person.create', { invited: true })).toBe('Made an account and sent an invitation')
  for (const diff of [null, { invited: false }, { invited: 'yes' }])
    expect(done('person.create', diff)).toBe('Made an account')
})

it('two-step sign-in is told as set up and as turned off', () => {
  const told = (from: boolean, to: boolean) => done('account.second_factor', { on: { from, to } })
  expect(told(false, true)).toBe('Set up two-step sign-in')
  expect(told(true, false)).toBe('Turned off two-step sign-in')
})

it('a quota is told by where it comes from, and a plan by whether it is the standard', () => {
  const told = (to: unknown) => done('person.quota', { plan: { from: 'x', to } })
  expect(told('Starter')).toBe('Put somebody on a plan')
  expect(told('own')).toBe('Gave somebody a quota of their own')
  expect(told(null)).toBe('Took somebody’s quota away')
  expect(done('person.quota', { servers: { from: 1, to: 2 } })).toBe('Set somebody’s quota')
  expect(done('plan.create', { name: 'Starter', standard: true })).toBe('Made a plan')
  expect(done('plan.update', { servers: { from: 1, to: 2 } })).toBe('Changed a plan')
  expect(done('plan.update', { standard: { from: false, to: true } })).toBe('Made a plan the standard one')
  expect(done('plan.update', { standard: { from: true, to: false } })).toBe(
    'Made a plan the standard one no longer',
  )
  expect(done('plan.delete')).toBe('Removed a plan')
})

it('a change without an expected diff still has words', () => {
  expect(done('control.stop', { action: 7 })).toBe('Ordered a stop or kill')
  expect(done('role.grant', {})).toBe('Gave a role or took one back')
  expect(done('person.suspend', {})).toBe('Suspended somebody or lifted it')
  expect(done('account.second_factor', { on: true })).toBe('Changed two-step sign-in')
})

it('a key newer than the words says what it allows, an unknown one itself', () => {
  expect(done('schedule.create')).toBe('Make a schedule')
  expect(done('moon.land-softly')).toBe('Moon land softly')
  expect(done('constructor')).toBe('Constructor')
})

it('a group is asked for by its word and a dot', () => {
  expect(askedText('control.', PERMISSIONS)).toBe('Console and power: all')
  expect(askedText('constructor.', PERMISSIONS)).toBe('Constructor: all')
  expect(askedText('admin.server.', PERMISSIONS)).toBe('admin.server.')
})

it('actions are found by their words and by their keys', () => {
  expect(found('signed in')).toEqual(['session.create'])
  expect(found('control.')).toEqual([
    'control.',
    'control.start',
    'control.restart',
    'control.stop',
    'control.console',
  ])
})

it('keys of which nothing was logged yet come with typing only, and whatever else is typed can be asked for', () => {
  expect(found('')).not.toContain('schedule.create')
  expect(found('schedule')).toEqual(['schedule.create'])
  expect(actionChoices('moon.land', PERMISSIONS)).toEqual([{ id: 'moon.land', name: 'Exactly this' }])
  expect(actionChoices('moon.', PERMISSIONS)).toEqual([{ id: 'moon.', name: 'All that begin so' }])
  expect(found('<b>')).toEqual([])
})

it('on a server only what touches servers is offered', () => {
  expect(found('', true)).toContain('admin.server.create')
  for (const other of ['session.create', 'node.update', 'admin.events'])
    expect(found('', true)).not.toContain(other)
})
