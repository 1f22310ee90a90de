import { QueryClientProvider } from '@tanstack/react-query'
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys, queryClient } from '~/api/queries'
import type { Plan } from '~/api/types'
import { signedIn } from '~/mock-api/session'
import { Toaster } from '~/ui/toaster'
import { PlansPage } from './plans'

const at = '2026-11-20T12:00:00Z'
const plan = (id: string, name: string, change: Partial<Plan> = {}): Plan => ({
  ...{
    version: '1',
    id,
    name,
    description: '',
    standard: false,
    limits: {},
    people: 0,
    created_at: at,
    updated_at: at,
  },
  ...change,
})
const EVERY = ['plan.read', 'plan.create', 'plan.update', 'plan.delete']

let root: Root
let plans: Plan[]
let asked: Array<{ call: string; body: unknown }> = []
let refusal: [number, object] | undefined

async function open(permissions = EVERY, address = '/plans', on: string | null = null) {
  queryClient.setQueryData(keys.session, signedIn({ permissions }))
  queryClient.setQueryData(keys.accountQuota, { limits: {}, plan: on && { id: on, name: '' }, own: !on })
  const top = createRootRoute()
  const app = createRoute({ getParentRoute: () => top, id: 'app' })
  const page = createRoute({
    getParentRoute: () => app,
    path: '/plans',
    validateSearch: (search) => (search.new ? { new: true } : {}),
    component: PlansPage,
  })
  const router = createRouter({
    routeTree: top.addChildren([app.addChildren([page])]),
    history: createMemoryHistory({ initialEntries: [address] }),
  })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router as never} />
        <Toaster />
      </QueryClientProvider>,
    ),
  )
  await painted(() => expect(text()).toContain('under a name'))
  await painted(() => expect(document.querySelector('[role=status][aria-label=Loading]')).toBeNull())
}
const painted = (check: () => void) => act(() => vi.waitFor(check))
const text = () => document.body.textContent?.replaceAll('\u00a0', ' ') ?? ''
const all = (what: string) => [...document.querySelectorAll<HTMLElement>(what)]
const button = (name: string) =>
  all('button').filter((each) => (each.getAttribute('aria-label') ?? each.textContent) === name)
const press = (name: string) => act(async () => button(name).at(-1)?.click())
const row = (name: string) => all('tbody tr').find((each) => each.textContent?.includes(name))?.textContent
const fill = (label: string, value: string) =>
  act(async () => {
    const of = all('label').find((each) => each.textContent === label)
    const field = document.getElementById(of?.getAttribute('for') ?? '')
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field, value)
    field?.dispatchEvent(new Event('input', { bubbles: true }))
  })
const item = (name: string) => all('[role=menuitem]').find((each) => each.textContent === name)
async function menu(of: string) {
  await act(async () => {
    button(`More of ${of}`)[0]?.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }),
    )
  })
  await painted(() => expect(all('[role=menuitem]').length).toBeGreaterThan(0))
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.clear()
  queryClient.setDefaultOptions({ queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } })
  plans = [
    plan('p2', 'Club', { limits: { servers: 5, cpu_percent: 400 }, people: 2 }),
    plan('p1', 'Starter', { limits: { servers: 1 }, standard: true }),
    plan('p3', 'Unused'),
  ]
  asked = []
  refusal = undefined
  vi.stubGlobal('fetch', async (request: Request) => {
    const path = new URL(request.url).pathname.replace('/api/v1', '')
    const json = (body: unknown, status = 200) =>
      new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
    if (request.method === 'GET') return json(path === '/plans' ? { items: plans, next: null } : {})
    const body = request.method === 'DELETE' ? undefined : await request.json()
    asked.push({ call: `${request.method} ${path}`, body })
    if (refusal) return json(refusal[1], refusal[0])
    return request.method === 'DELETE' ? new Response(null, { status: 204 }) : json(plan('p9', 'New'))
  })
  document.body.innerHTML = '<main></main><div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('a row tells what a plan holds and who is on it, and which one is the standard', async () => {
  await open()
  expect(row('Club')).toContain('4 cores')
  expect(row('Club')).toContain('no limit')
  expect(row('Starter')).toContain('standard')
  expect(row('Starter')).toContain('all others')
  expect(row('Unused')).toContain('nobody')
})

it('without a plan the page says what they are for, and without a standard one what that means', async () => {
  plans = []
  await open()
  expect(text()).toContain('Nobody is bounded by a plan')
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  queryClient.clear()
  plans = [plan('p3', 'Unused')]
  await open()
  expect(text()).toContain('None is the standard')
})

it('a plan is made with its numbers; a taken name is told at the field', async () => {
  await open(EVERY, '/plans?new=true')
  await painted(() => expect(button('Make the plan')).toHaveLength(1))
  await fill('Name', ' Gold ')
  await fill('Memory', '2048')
  refusal = [
    422,
    { status: 422, code: 'invalid', errors: [{ field: 'name', message: 'another plan has this name' }] },
  ]
  await press('Make the plan')
  await painted(() =>
    expect(document.querySelector('[role=alert]')?.textContent).toBe('Another plan has this name'),
  )
  refusal = undefined
  await press('Make the plan')
  await painted(() => expect(button('Make the plan')).toHaveLength(0))
  expect(asked.at(-1)).toMatchObject({
    call: 'POST /plans',
    body: { name: 'Gold', limits: { memory_bytes: 2048 * 1024 ** 2, servers: null } },
  })
})

it('only what changed is sent', async () => {
  await open()
  await press('Change Club')
  expect(button('Save')[0]?.title).toBe('Nothing has changed')
  await fill('Name', 'Clubs')
  await press('Save')
  await painted(() => expect(asked).toEqual([{ call: 'PATCH /plans/p2', body: { name: 'Clubs' } }]))
})

it('before another plan is the standard it is told whom that bounds', async () => {
  await open()
  await menu('Club')
  await act(async () => item('Make it the standard')?.click())
  await painted(() =>
    expect(text()).toContain('has no quota of their own is on it at once, instead of Starter'),
  )
  await press('Make it the standard')
  await painted(() => expect(asked).toEqual([{ call: 'PATCH /plans/p2', body: { standard: true } }]))
})

it('what would bound oneself is refused in words', async () => {
  await open()
  await menu('Club')
  await act(async () => item('Make it the standard')?.click())
  await painted(() => expect(button('Make it the standard')).toHaveLength(1))
  refusal = [403, { status: 403, code: 'own_rights', detail: 'this plan bounds your own servers' }]
  await press('Make it the standard')
  await painted(() => expect(text()).toContain('It would change what bounds your own servers.'))
})

it('the numbers of one’s own plan are shown and not changed', async () => {
  await open(EVERY, '/plans', 'p2')
  await press('Change Club')
  expect(text()).toContain('It bounds your own servers')
  expect(all('form input:disabled')).toHaveLength(9)
})

it('a plan that somebody is on can’t be deleted; one that was taken meanwhile is told so', async () => {
  await open()
  await menu('Club')
  expect(item('Delete')?.title).toContain('2 people are on it')
  await act(async () => item('Make it the standard')?.click())
  await press('Cancel')
  await menu('Unused')
  await act(async () => item('Delete')?.click())
  await painted(() => expect(text()).toContain('Nobody is on it'))
  refusal = [409, { status: 409, code: 'plan_in_use', detail: '1 people are on it' }]
  await press('Delete')
  await painted(() => expect(text()).toContain('Somebody was put on it'))
  expect(asked).toEqual([{ call: 'DELETE /plans/p3', body: undefined }])
})

it('who may only look is offered nothing', async () => {
  await open(['plan.read'])
  expect(button('New plan')[0]?.title).toBe('You may not make plans')
  expect(button('Change Club')[0]?.title).toBe('You may not change plans')
})
