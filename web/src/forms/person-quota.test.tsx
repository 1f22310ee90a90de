import { QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys, queryClient } from '~/api/queries'
import type { Person, Plan, Quota } from '~/api/types'
import { signedIn } from '~/mock-api/session'
import { PersonQuota } from './person-quota'

const GIB = 1024 ** 3
const at = '2026-11-20T12:00:00Z'
const ANN = { id: 'u1', username: 'ann', admin: false } as Person
const plan = (id: string, name: string, standard: boolean, limits: Plan['limits']): Plan => ({
  ...{ id, name, standard, limits },
  ...{ version: '1', description: '', people: 0, created_at: at, updated_at: at },
})
const STARTER = plan('p1', 'Starter', true, { servers: 1, memory_bytes: 4 * GIB })
const CLUB = plan('p2', 'Club', false, { servers: 5 })
const named = ({ id, name }: Plan) => ({ id, name })
const used = {
  servers: 0,
  memory_bytes: 0,
  disk_bytes: 0,
  cpu_percent: 0,
  ports: 0,
  subusers: 0,
  databases: 0,
  backups: 0,
  backup_bytes: 0,
}
const quota = (change: Partial<Quota>): Quota => ({
  version: '1',
  limits: {},
  used,
  plan: null,
  own: false,
  ...change,
})

let root: Root
let sent: unknown[] = []
let refusal: object | undefined

async function show(now: Quota, plans: Plan[] | undefined, may: string[] = ['person.quota']) {
  queryClient.setQueryData(keys.session, signedIn({ permissions: plans ? ['plan.read', ...may] : may }))
  queryClient.setQueryData(keys.personQuota(ANN.id), now)
  if (plans) queryClient.setQueryData(keys.plans, plans)
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <PersonQuota person={ANN} />
      </QueryClientProvider>,
    ),
  )
}
const all = (what: string) => [...document.querySelectorAll<HTMLElement>(what)]
const text = () => document.body.textContent?.replaceAll('\u00a0', ' ') ?? ''
const button = (name: string) => all('button').find((each) => each.textContent === name)
const painted = (check: () => void) => act(() => vi.waitFor(check))
const press = (name: string) => act(async () => button(name)?.click())
const chosen = () =>
  all('[role=radio]').find((each) => each.getAttribute('aria-checked') === 'true')?.textContent
const fill = (field: HTMLElement | undefined, value: string) =>
  act(async () => {
    const kind = field instanceof HTMLSelectElement ? HTMLSelectElement : HTMLInputElement
    Object.getOwnPropertyDescriptor(kind.prototype, 'value')?.set?.call(field, value)
    field?.dispatchEvent(new Event(kind === HTMLSelectElement ? 'change' : 'input', { bubbles: true }))
  })
const field = (label: string) => {
  const of = all('label').find((each) => each.textContent === label)
  return document.getElementById(of?.getAttribute('for') ?? '') ?? undefined
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.clear()
  queryClient.setDefaultOptions({ queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } })
  sent = []
  refusal = undefined
  vi.stubGlobal('fetch', async (request: Request) => {
    if (request.method === 'GET') return new Response('{"items":[],"next":null}')
    sent.push(await request.json())
    return new Response(JSON.stringify(refusal ?? quota({ plan: named(CLUB), limits: CLUB.limits })), {
      status: refusal ? 422 : 200,
      headers: { 'content-type': 'application/json' },
    })
  })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('who is on the standard plan is put on another one, chosen by what it holds', async () => {
  await show(quota({ plan: named(STARTER), limits: STARTER.limits }), [CLUB, STARTER])
  expect(text()).toContain('the standard plan Starter')
  await press('Change')
  expect(chosen()).toBe('Standard plan')
  expect(text()).toContain('1 server, 4 GiB memory; no limit on')
  await press('A plan')
  expect(button('Save')?.title).toBe('A plan has to be chosen')
  await fill(field('Plan'), 'p2')
  expect(text()).toContain('5 servers; no limit on')
  await press('Save')
  await painted(() => expect(sent).toEqual([{ plan: 'p2' }]))
  expect(text()).toContain('on the plan Club')
})

it('numbers of their own begin with those of the plan, and none at all are told as no limit', async () => {
  await show(quota({ plan: named(CLUB), limits: CLUB.limits }), [CLUB, STARTER])
  await press('Change')
  expect(chosen()).toBe('A plan')
  expect(button('Save')?.title).toBe('Nothing has changed')
  await press('Own numbers')
  expect((field('Servers') as HTMLInputElement).value).toBe('5')
  await fill(field('Servers'), '')
  expect(text()).toContain('no limit at all')
  await press('Save')
  expect(sent).toEqual([
    {
      own: true,
      servers: null,
      memory_bytes: null,
      disk_bytes: null,
      cpu_percent: null,
      ports: null,
      subusers: null,
      databases: null,
      backups: null,
      backup_bytes: null,
    },
  ])
})

it('from numbers of their own one comes to the standard plan', async () => {
  await show(quota({ own: true, limits: { servers: 3 } }), [STARTER])
  expect(text()).toContain('own numbers')
  await press('Change')
  expect(chosen()).toBe('Own numbers')
  await press('Standard plan')
  await press('Save')
  await painted(() => expect(sent).toEqual([{}]))
})

it('where there is no standard plan, there is no limit, and where there is no plan, none to choose', async () => {
  await show(quota({}), [CLUB])
  expect(text()).toContain('no limit')
  await press('Set limits')
  expect(chosen()).toBe('No limit')
  expect(text()).toContain('No plan is the standard')
  expect(button('Save')?.title).toBe('Nothing has changed')
})

it('who may not see plans keeps what is there, and may set numbers', async () => {
  await show(quota({ plan: named(STARTER), limits: STARTER.limits }), undefined)
  expect(text()).toContain('on the plan Starter')
  await press('Change')
  expect(chosen()).toBe('A plan')
  expect(all('option').map((each) => each.textContent)).toEqual(['Choose one', 'Starter'])
  await press('Own numbers')
  await fill(field('Servers'), '2')
  await press('Save')
  await painted(() => expect(sent).toMatchObject([{ own: true, servers: 2, memory_bytes: 4 * GIB }]))
})

it('a plan that is gone by now is told at the field', async () => {
  refusal = {
    status: 422,
    code: 'invalid',
    errors: [{ field: 'plan', code: 'unknown', message: 'there is no such plan' }],
  }
  await show(quota({ plan: named(STARTER) }), [CLUB, STARTER])
  await press('Change')
  await press('A plan')
  await fill(field('Plan'), 'p2')
  await press('Save')
  await painted(() =>
    expect(document.querySelector('[role=alert]')?.textContent).toBe('There is no such plan'),
  )
})
