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
import type { BackupStore } from '~/api/types'
import { Toaster } from '~/ui/toaster'
import { BackupStoresPage } from './backup-stores'

const EVERY = ['create', 'read', 'update', 'delete'].map((word) => `backup_store.${word}`)
const DIRECTORY: BackupStore = {
  id: 'k1',
  version: '7',
  name: 'On the nodes',
  kind: 'directory',
  path: '',
  endpoint: '',
  region: '',
  bucket: '',
  prefix: '',
  access_key: '',
  nodes: [],
  backups: 3,
  bytes: 6 * 1024 ** 3,
  created_at: '2026-11-01T00:00:00Z',
  updated_at: '2026-11-01T00:00:00Z',
}
const ARCHIVE: BackupStore = {
  ...DIRECTORY,
  id: 'k2',
  name: 'Archive',
  kind: 's3',
  endpoint: 'https://s3.example.com',
  bucket: 'games',
  access_key: 'AKIA',
  nodes: ['n2'],
  backups: 0,
  bytes: 0,
}
const NODES = [
  { id: 'n1', name: 'fra-1', state: 'online' },
  { id: 'n2', name: 'hel-1', state: 'online' },
]

let root: Root
let asked: Array<{ call: string; body: Record<string, unknown> | undefined; match: string | null }> = []
let answers: Record<string, unknown> = {}
let refuse: Record<string, [status: number, wire: object]> = {}

async function open(stores: BackupStore[], may = [...EVERY, 'node.read']) {
  answers['GET /backup-stores'] = { items: stores, next: null }
  queryClient.clear()
  queryClient.setQueryData(keys.session, { user: { id: 'u1' }, permissions: may, permissions_on_nodes: [] })
  const top = createRootRoute()
  const page = createRoute({ getParentRoute: () => top, path: '/', component: BackupStoresPage })
  const router = createRouter({
    routeTree: top.addChildren([page]),
    history: createMemoryHistory({ initialEntries: ['/'] }),
  })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        {/* biome-ignore lint/suspicious/noExplicitAny: another tree than the app's */}
        <RouterProvider router={router as any} />
        <Toaster />
      </QueryClientProvider>,
    ),
  )
}

const text = () => document.body.textContent ?? ''
const painted = (check: () => void) => act(() => vi.waitFor(check, 4000))
const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)]
const named = (element: Element) => element.getAttribute('aria-label') ?? element.textContent
const buttons = (name: string) => all('button').filter((each) => named(each) === name)
const press = (name: string, at = 0) => act(async () => buttons(name).at(at)?.click())
function field(label: string): HTMLInputElement {
  const found = all('label').find((each) => each.textContent === label) as HTMLLabelElement | undefined
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement
}
async function type(into: HTMLInputElement, words: string) {
  const proto = into instanceof HTMLSelectElement ? HTMLSelectElement.prototype : HTMLInputElement.prototype
  await act(async () => {
    Object.getOwnPropertyDescriptor(proto, 'value')?.set?.call(into, words)
    into.dispatchEvent(new Event(into instanceof HTMLSelectElement ? 'change' : 'input', { bubbles: true }))
  })
}
const sent = (call: string) => asked.filter((each) => each.call === call)
const alerts = () => all('[role="alert"]').map((each) => each.textContent)

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.setDefaultOptions({ queries: { retry: false, staleTime: 10_000 } })
  asked = []
  refuse = {}
  answers = {
    'GET /nodes': { items: NODES, next: null },
    'POST /backup-stores': { ...ARCHIVE, id: 'k3', name: 'Cold' },
    'PUT /backup-stores/k2': { ...ARCHIVE, version: '8' },
    'DELETE /backup-stores/k2': null,
    'POST /backup-stores/k2/test': { ok: true, code: null, detail: '' },
  }
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname } = new URL(request.url)
    const call = `${request.method} ${pathname.replace('/api/v1', '')}`
    const body = await request.text()
    asked.push({ call, body: body ? JSON.parse(body) : undefined, match: request.headers.get('if-match') })
    const [status, wire] = refuse[call] ?? [call in answers ? 200 : 404, answers[call] ?? {}]
    return new Response(JSON.stringify({ status, ...wire }), {
      status,
      headers: { 'content-type': status >= 400 ? 'application/problem+json' : 'application/json' },
    })
  })
  document.body.innerHTML = '<main></main>'
  root = createRoot(document.querySelector('main') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  queryClient.clear()
  vi.unstubAllGlobals()
})

it('says where each store is, what lies in it, and that a used one stays', async () => {
  await open([DIRECTORY, ARCHIVE])
  await painted(() => expect(text()).toContain('On the nodes'))
  expect(text()).toContain('each node’s own directory')
  expect(text()).toContain('3 backups')
  expect(text()).toContain('6.00 GiB')
  expect(text()).toContain('https://s3.example.com/games')
  expect(buttons('Remove').map((each) => each.title)).toEqual(['Backups are in it', ''])
})

it('says what to do where there is none', async () => {
  await open([])
  await painted(() => expect(text()).toContain('Servers can’t be backed up yet'))
  expect(buttons('New backup store')).toHaveLength(1)
})

it('adds a bucket for some nodes, and says at the field what is refused', async () => {
  refuse['POST /backup-stores'] = [
    422,
    {
      code: 'invalid',
      errors: [{ field: 'endpoint', code: 'invalid', message: 'is an address: https://host' }],
    },
  ]
  await open([])
  await painted(() => expect(buttons('New backup store')).toHaveLength(1))
  await press('New backup store')
  await type(field('Name'), 'Cold')
  await type(field('What it is'), 's3')
  await type(field('Endpoint'), 's3.example.com')
  await type(field('Bucket'), 'games')
  await type(field('Secret key'), 'hush')
  await painted(() => expect(text()).toContain('hel-1'))
  await act(async () =>
    all('label')
      .find((each) => each.textContent === 'hel-1')
      ?.click(),
  )
  await press('Save')
  await painted(() => expect(alerts()).toContain('Is an address: https://host'))
  refuse = {}
  await press('Save')
  await painted(() => expect(text()).toContain('Saved Cold'))
  expect(sent('POST /backup-stores').at(-1)?.body).toMatchObject({
    kind: 's3',
    name: 'Cold',
    endpoint: 's3.example.com',
    secret_key: 'hush',
    nodes: ['n2'],
  })
})

it('changes the state that was seen, keeps the secret, and says when it is another by now', async () => {
  refuse['PUT /backup-stores/k2'] = [
    409,
    { code: 'backup_store_in_use', detail: 'backups are in it: endpoint, bucket and prefix stay' },
  ]
  await open([ARCHIVE])
  await painted(() => expect(buttons('Change')).toHaveLength(1))
  await press('Change')
  await type(field('Bucket'), 'other')
  await press('Save')
  await painted(() =>
    expect(alerts().join()).toContain('Backups are in it: endpoint, bucket and prefix stay'),
  )
  refuse['PUT /backup-stores/k2'] = [412, { code: 'changed_meanwhile', detail: 'it was changed meanwhile' }]
  await press('Save')
  await painted(() => expect(alerts().join()).toContain('It was changed meanwhile'))
  refuse = {}
  await press('Save')
  await painted(() => expect(text()).toContain('Saved Archive'))
  const last = sent('PUT /backup-stores/k2').at(-1)
  expect(last?.match).toBe('"7"')
  expect(last?.body).toMatchObject({ bucket: 'other', secret_key: null, nodes: ['n2'] })
})

it('tests a store from a node that may use it, and tells what the store said', async () => {
  await open([ARCHIVE])
  await painted(() => expect(buttons('Test')).toHaveLength(1))
  await press('Test')
  await painted(() => expect(text()).toContain('hel-1'))
  expect(all('option').map((each) => each.textContent)).toEqual(['hel-1'])
  await press('Test', -1)
  await painted(() => expect(text()).toContain('A file was written, read back and removed.'))
  expect(sent('POST /backup-stores/k2/test')[0]?.body).toEqual({ node: 'n2' })
  answers['POST /backup-stores/k2/test'] = { ok: false, code: 'store_refused', detail: 'the store says 403' }
  await press('Test', -1)
  await painted(() => expect(text()).toContain('the store says 403'))
  refuse['POST /backup-stores/k2/test'] = [503, { code: 'node_offline', detail: 'node hel-1 is offline' }]
  await press('Test', -1)
  await painted(() => expect(alerts().join()).toContain('Node hel-1 is offline'))
})

it('removes one that nothing is in, and says when something came meanwhile', async () => {
  refuse['DELETE /backup-stores/k2'] = [409, { code: 'backup_store_in_use', detail: 'backups are in it' }]
  await open([ARCHIVE])
  await painted(() => expect(buttons('Remove')).toHaveLength(1))
  await press('Remove')
  await press('Remove', -1)
  await painted(() => expect(text()).toContain('Backups are in it'))
  refuse = {}
  answers['GET /backup-stores'] = { items: [], next: null }
  await press('Remove', -1)
  await painted(() => expect(text()).toContain('Servers can’t be backed up yet'))
})

it('says why what one may not do is off', async () => {
  await open([ARCHIVE], ['backup_store.read'])
  await painted(() => expect(buttons('Test')).toHaveLength(1))
  expect(buttons('New backup store')[0]?.title).toBe('You may not add backup stores')
  expect(buttons('Change')[0]?.title).toBe('You may not change backup stores')
  expect(buttons('Remove')[0]?.title).toBe('You may not remove backup stores')
})
