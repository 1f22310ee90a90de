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
import type { EggSummary, Mount, Node } from '~/api/types'
import { eggs, nodes } from '~/mock-api/data'
import { signedIn } from '~/mock-api/session'
import { Toaster } from '~/ui/toaster'
import { MountsPage } from './mounts'

const mount = (id: string, name: string, change: Partial<Mount> = {}): Mount => ({
  id,
  name,
  description: '',
  source: '/srv/games/maps',
  target: '/mnt/maps',
  read_only: true,
  self_service: false,
  all_nodes: false,
  nodes: [],
  locations: [],
  all_eggs: false,
  eggs: [],
  servers: 0,
  refusing_nodes: [],
  refusing: 0,
  created_at: '2026-11-20T12:00:00Z',
  updated_at: '2026-11-20T12:00:00Z',
  ...change,
})
const EVERY = ['mount.read', 'mount.create', 'mount.update', 'mount.delete', 'node.read', 'egg.read']

const brief = ({ id, name }: { id: string; name: string }) => ({ id, name })
const node = brief(nodes[0] as Node)
const egg = brief(eggs[1] as EggSummary)

let root: Root
let mounts: Mount[]
let asked: Array<{ call: string; body: unknown }> = []
let refusal: [number, object] | undefined

async function open(permissions = EVERY, address = '/mounts') {
  queryClient.setQueryData(keys.session, signedIn({ permissions }))
  const top = createRootRoute()
  const app = createRoute({ getParentRoute: () => top, id: 'app' })
  const page = createRoute({
    getParentRoute: () => app,
    path: '/mounts',
    validateSearch: (search) => (search.new ? { new: true } : {}),
    component: MountsPage,
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
  await painted(() => expect(text()).toContain('beside their own files'))
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
const flip = (label: string) =>
  act(async () => (document.querySelector(`[role=switch][aria-label="${label}"]`) as HTMLElement).click())
const tick = (name: string) =>
  act(async () =>
    all('[role=dialog] li label')
      .find((each) => each.textContent === name)
      ?.querySelector('input')
      ?.click(),
  )
const choices = (label: string) => {
  const list = all('fieldset').find((each) => each.querySelector('legend')?.textContent === label)
  return [...(list?.querySelectorAll('li') ?? [])].map((each) => each.textContent)
}
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
  mounts = [
    mount('m1', 'Maps', {
      all_nodes: true,
      eggs: eggs.slice(0, 2).map(brief),
      self_service: true,
      refusing: 2,
      refusing_nodes: nodes.slice(0, 2).map(brief),
    }),
    mount('m2', 'Archive', { read_only: false, nodes: [node], all_eggs: true, servers: 3 }),
    mount('m3', 'Idle'),
  ]
  asked = []
  refusal = undefined
  vi.stubGlobal('fetch', async (request: Request) => {
    const path = new URL(request.url).pathname.replace('/api/v1', '')
    const json = (body: unknown, status = 200) =>
      new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
    if (request.method === 'GET') {
      const places = [{ id: 'l1', name: 'Frankfurt', description: '', nodes: 2, created_at: '' }]
      const lists: Record<string, unknown[]> = {
        '/mounts': mounts,
        '/nodes': nodes,
        '/eggs': eggs,
        '/locations': places,
      }
      return json({ items: lists[path] ?? [], next: null })
    }
    const body = request.method === 'DELETE' ? undefined : await request.json()
    asked.push({ call: `${request.method} ${path}`, body })
    if (refusal) return json(refusal[1], refusal[0])
    return request.method === 'DELETE' ? new Response(null, { status: 204 }) : json(mount('m9', 'New'))
  })
  document.body.innerHTML = '<main></main><div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('a row tells where it lies, for whom it is and which nodes would refuse it', async () => {
  await open()
  expect(row('Maps')).toContain('/srv/games/maps')
  expect(row('Maps')).toContain('On all nodes')
  expect(row('Maps')).toContain('to servers of 2 eggs')
  expect(row('Maps')).toContain('2 nodes do not allow it')
  expect(row('Maps')).toContain('self-service')
  expect(row('Archive')).toContain('writable')
  expect(row('Archive')).toContain('On 1 node')
  expect(row('Archive')).toContain('to servers of every egg')
  expect(row('Archive')).not.toContain('do not allow')
  expect(row('Idle')).toContain('On no node')
  expect(row('Idle')).toContain('to no server')
})

it('without a mount the page says what they are for', async () => {
  mounts = []
  await open()
  expect(text()).toContain('No server sees more than its own files')
})

it('a new one is read-only and offered to nobody unless that is chosen', async () => {
  await open(EVERY, '/mounts?new=true')
  await painted(() => expect(choices('All nodes at')).toEqual(['Frankfurt']))
  expect(button('Make the mount')[0]?.getAttribute('aria-disabled')).toBe('true')
  await fill('Name', ' Maps ')
  await fill('Directory on the node', '/srv/maps')
  await fill('Place in the container', '/mnt/maps')
  await flip('Self-service')
  await tick('Frankfurt')
  await tick(node.name)
  await tick(egg.name)
  await press('Make the mount')
  await painted(() => expect(text()).toContain('The mount New is there'))
  expect(asked).toEqual([
    {
      call: 'POST /mounts',
      body: {
        ...{ name: 'Maps', description: '', source: '/srv/maps', target: '/mnt/maps' },
        ...{ read_only: true, self_service: true },
        ...{
          all_nodes: false,
          nodes: [node.id],
          locations: ['l1'],
          all_eggs: false,
          eggs: [egg.id],
        },
      },
    },
  ])
})

it('of a change no more is sent than has changed, and who has it on is said', async () => {
  await open()
  await press('Change Archive')
  await painted(() => expect(choices('Nodes').length).toBe(nodes.length))
  expect(text()).toContain('3 servers have it switched on and see a change with the next start.')
  expect(button('Save')[0]?.getAttribute('aria-disabled')).toBe('true')
  await tick(node.name)
  await tick(node.name)
  expect(button('Save')[0]?.getAttribute('aria-disabled')).toBe('true')
  await flip('Read-only')
  await press('Save')
  await painted(() => expect(asked).toEqual([{ call: 'PATCH /mounts/m2', body: { read_only: true } }]))
})

it('what is refused is said at its field, and what is no field’s below', async () => {
  await open()
  await press('Change Idle')
  await fill('Directory on the node', '/etc')
  const errors = [
    { field: 'source', code: 'reserved', message: 'must be neither /etc nor above or below it' },
  ]
  refusal = [422, { status: 422, code: 'invalid', errors }]
  await press('Save')
  await painted(() => expect(text()).toContain('Must be neither /etc nor above or below it'))
  refusal = [
    409,
    { status: 409, code: 'mount_target_taken', title: 'Conflict', detail: 'server "one" has it already' },
  ]
  await press('Save')
  await painted(() => expect(text()).toContain('server "one" has it already'.replace('server', 'Server')))
})

it('what servers have switched on can not be deleted, the rest can', async () => {
  await open()
  await menu('Archive')
  expect(item('Delete')?.getAttribute('title')).toBe(
    '3 servers have it switched on; switch it off there first',
  )
  await act(async () => document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' })))
  await painted(() => expect(all('[role=menuitem]')).toEqual([]))
  await menu('Idle')
  await act(async () => item('Delete')?.click())
  await press('Delete')
  await painted(() => expect(asked).toEqual([{ call: 'DELETE /mounts/m3', body: undefined }]))
})

it('who may only look changes nothing, and who sees no nodes keeps what is chosen', async () => {
  await open(['mount.read', 'mount.update'])
  expect(button('New mount')[0]?.getAttribute('aria-disabled')).toBe('true')
  await press('Change Archive')
  expect(choices('Nodes')).toEqual(['You may not see them; what is chosen stays'])
  await fill('Name', 'Attic')
  await press('Save')
  await painted(() => expect(asked).toEqual([{ call: 'PATCH /mounts/m2', body: { name: 'Attic' } }]))
})
