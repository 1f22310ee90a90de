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
import type { EggSummary, Nest } from '~/api/types'
import { egg as whole } from '~/mock-api/data'
import { signedIn } from '~/mock-api/session'
import { Toaster } from '~/ui/toaster'
import { EggsPage } from './eggs'

const EVERY = ['egg.read', 'egg.update', 'nest.read', 'nest.create', 'nest.update', 'nest.delete']
const nest = (id: string, name: string, eggs: number): Nest => ({
  ...{
    id,
    name,
    description: '',
    eggs,
    created_at: '2026-11-20T12:00:00Z',
    updated_at: '2026-11-20T12:00:00Z',
  },
})
const egg = (id: string, name: string, of?: Nest): EggSummary => ({
  ...whole,
  ...{ id, name, nest: of ? { id: of.id, name: of.name } : null },
})

let root: Root
let nests: Nest[]
let eggs: EggSummary[]
let asked: Array<{ call: string; body: unknown }> = []
let refusal: [number, object] | undefined

async function open(permissions = EVERY, address = '/eggs') {
  queryClient.setQueryData(keys.session, signedIn({ permissions }))
  const top = createRootRoute()
  const app = createRoute({ getParentRoute: () => top, id: 'app' })
  const page = createRoute({
    getParentRoute: () => app,
    path: '/eggs',
    validateSearch: (search) => (typeof search.nest === 'string' ? { nest: search.nest } : {}),
    component: EggsPage,
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
  await painted(() => expect(all('tbody tr').length).toBeGreaterThan(0))
}
const painted = (check: () => void) => act(() => vi.waitFor(check))
const all = (what: string) => [...document.querySelectorAll<HTMLElement>(what)]
const text = () => document.body.textContent?.replaceAll('\u00a0', ' ') ?? ''
const rows = () => all('tbody tr').map((row) => row.querySelector('a, th span span')?.textContent)
const named = (name: string) =>
  all('button').filter((each) => (each.getAttribute('aria-label') ?? each.textContent) === name)
const press = (name: string) => act(async () => named(name).at(-1)?.click())
const item = (name: string) => all('[role=menuitem]').find((each) => each.textContent === name)
async function menu(of: string) {
  await act(async () => {
    named(`More of ${of}`)[0]?.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }),
    )
  })
  await painted(() => expect(all('[role=menuitem]').length).toBeGreaterThan(0))
}
function set(field: HTMLElement | null, value: string, kind: 'input' | 'change') {
  const type = field instanceof HTMLSelectElement ? HTMLSelectElement : HTMLInputElement
  return act(async () => {
    Object.getOwnPropertyDescriptor(type.prototype, 'value')?.set?.call(field, value)
    field?.dispatchEvent(new Event(kind, { bubbles: true }))
  })
}
const labelled = (label: string) => {
  const of = all('[role=dialog] label').find((each) => each.textContent === label)
  return document.getElementById(of?.getAttribute('for') ?? '')
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.clear()
  queryClient.setDefaultOptions({ queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } })
  nests = [nest('n1', 'Games', 2), nest('n2', 'Voice', 0)]
  eggs = [egg('e1', 'Valheim', nests[0]), egg('e2', 'Teamspeak'), egg('e3', 'Factorio', nests[0])]
  asked = []
  refusal = undefined
  vi.stubGlobal('fetch', async (request: Request) => {
    const path = new URL(request.url).pathname.replace('/api/v1', '')
    const json = (body: unknown, status = 200) =>
      new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
    if (request.method === 'GET') {
      const items = path === '/eggs' ? eggs : path === '/nests' ? nests : []
      return json({ items, next: null })
    }
    const body = request.method === 'DELETE' ? undefined : await request.json()
    asked.push({ call: `${request.method} ${path}`, body })
    if (refusal) return json(refusal[1], refusal[0])
    if (request.method === 'DELETE') return new Response(null, { status: 204 })
    return json(
      path.startsWith('/eggs') ? { ...eggs[1], nest: { id: 'n2', name: 'Voice' } } : nest('n9', 'New', 0),
    )
  })
  document.body.innerHTML = '<main></main><div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('eggs stand under their nests, those in none at the end', async () => {
  await open()
  expect(rows()).toEqual(['Games', 'Factorio', 'Valheim', 'Voice', 'In no nest', 'Teamspeak'])
})

it('the address says whose eggs are shown, and an empty nest is not among what was found', async () => {
  await open(EVERY, '/eggs?nest=n1')
  expect(rows()).toEqual(['Games', 'Factorio', 'Valheim'])
  await set(document.querySelector('select'), 'none', 'change')
  await painted(() => expect(rows()).toEqual(['In no nest', 'Teamspeak']))
})

it('without a nest the list says nothing of them', async () => {
  nests = []
  eggs = [egg('e2', 'Teamspeak')]
  await open()
  expect(rows()).toEqual(['Teamspeak'])
  expect(document.querySelector('main select, #root select')).toBeNull()
  await menu('Teamspeak')
  expect(item('Move to another nest')?.getAttribute('title')).toBe('There is no nest yet')
})

it('an egg is moved to the nest that is chosen', async () => {
  await open()
  await menu('Teamspeak')
  await act(async () => item('Move to another nest')?.click())
  expect((named('Move')[0] as HTMLButtonElement).getAttribute('aria-disabled')).toBe('true')
  await set(labelled('Nest'), 'n2', 'change')
  await press('Move')
  await painted(() => expect(asked).toEqual([{ call: 'PATCH /eggs/e2', body: { nest: 'n2' } }]))
  await painted(() => expect(text()).toContain('Teamspeak is in Voice'))
})

it('a nest is made, and a name that is taken is said at the field', async () => {
  await open()
  await press('New nest')
  await set(labelled('Name'), 'Games', 'input')
  refusal = [
    422,
    {
      status: 422,
      code: 'invalid',
      errors: [{ field: 'name', code: 'taken', message: 'another nest has this name' }],
    },
  ]
  await press('Make the nest')
  await painted(() => expect(text()).toContain('Another nest has this name'))
  refusal = undefined
  await set(labelled('Name'), ' New ', 'input')
  await press('Make the nest')
  await painted(() => expect(text()).toContain('The nest New is there'))
  expect(asked.at(-1)).toEqual({ call: 'POST /nests', body: { name: 'New', description: '' } })
})

it('a nest is deleted when nothing is in it', async () => {
  await open()
  await menu('Games')
  expect(item('Delete')?.getAttribute('title')).toBe('2 eggs are in it; move them first')
  await act(async () => document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' })))
  await painted(() => expect(all('[role=menuitem]')).toEqual([]))
  await menu('Voice')
  await act(async () => item('Delete')?.click())
  await press('Delete')
  await painted(() => expect(asked).toEqual([{ call: 'DELETE /nests/n2', body: undefined }]))
})

it('who may only look has no way to change anything', async () => {
  await open(['egg.read', 'nest.read'])
  expect(named('New nest')[0]?.getAttribute('aria-disabled')).toBe('true')
  await menu('Valheim')
  expect(item('Move to another nest')?.getAttribute('title')).toBe('You may not move eggs')
})

it('who sees eggs and no nests sees them under the names that they tell', async () => {
  await open(['egg.read'])
  expect(rows()).toEqual(['Games', 'Factorio', 'Valheim', 'In no nest', 'Teamspeak'])
  expect(named('New nest')).toEqual([])
  expect(named('More of Games')).toEqual([])
})
