import { expect, it } from 'vitest'
import { Problem } from '~/api/problem'
import type { Plan, Quota } from '~/api/types'
import { boundBy, keptBy, planProblem, sourceText } from './plan'

const at = '2026-11-20T12:00:00Z'
const plan = (change: Partial<Plan>): Plan => ({
  id: 'p1',
  version: '1',
  name: 'Starter',
  description: '',
  standard: false,
  limits: { servers: 1 },
  people: 0,
  created_at: at,
  updated_at: at,
  ...change,
})
const quota = (change: Partial<Quota>): Quota => ({
  version: '1',
  limits: {},
  used: {
    servers: 0,
    memory_bytes: 0,
    disk_bytes: 0,
    cpu_percent: 0,
    ports: 0,
    subusers: 0,
    databases: 0,
    backups: 0,
    backup_bytes: 0,
  },
  plan: null,
  own: false,
  ...change,
})
const starter = { id: 'p1', name: 'Starter' }

it('a quota says where it comes from', () => {
  expect(sourceText(quota({}), [])).toBe('no limit')
  expect(sourceText(quota({ own: true }), [])).toBe('own, with no limit')
  expect(sourceText(quota({ own: true, limits: { servers: 0 } }), [])).toBe('own numbers')
  expect(sourceText(quota({ plan: starter }), [plan({})])).toBe('on the plan Starter')
  expect(sourceText(quota({ plan: starter }), [plan({ standard: true })])).toBe('the standard plan Starter')
  expect(sourceText(quota({ plan: starter }), undefined)).toBe('on the plan Starter')
})

it('a plan that somebody is on, or everybody, is not deleted', () => {
  expect(keptBy(plan({}))).toBe(false)
  expect(keptBy(plan({ people: 1 }))).toContain('1 person is on it')
  expect(keptBy(plan({ people: 3, standard: true }))).toContain('3 people are on it')
  expect(keptBy(plan({ standard: true }))).toContain('make another one the standard first')
})

it('nobody but an admin changes the plan that they are on', () => {
  expect(boundBy(plan({}), quota({ plan: starter }), false)).toContain('somebody else')
  expect(boundBy(plan({}), quota({ plan: starter }), true)).toBe(false)
  expect(boundBy(plan({ id: 'p2' }), quota({ plan: starter }), false)).toBe(false)
  expect(boundBy(plan({}), undefined, false)).toBe(false)
})

it('a refusal is told in words and keeps the rest of itself', () => {
  const refused = (code: string) =>
    planProblem(new Problem({ status: 403, code, title: 'Refused', detail: 'The panel’s.', requestId: 'r1' }))
  expect(refused('own_rights')).toMatchObject({ code: 'own_rights', requestId: 'r1' })
  expect(refused('own_rights').message).toContain('your own servers')
  expect(refused('plan_in_use').message).toContain('Somebody was put on it')
  expect(refused('constructor').message).toBe('The panel’s.')
})
