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
import type { Database, Server } from '~/api/types'
import { ServerDatabasesPage } from './server-databases'

const EVERY = ['read', 'create', 'update', 'delete', 'view_password'].map((word) => `database.${word}`)
const HOST = { id: 'h1', name: 'db-1', engine: 'mariadb', address: 'db.example.net', port: 3306 } as const
const ROW: Database = {
  id: 'd1',
  name: 'w0123456789_shop',
  username: 'u0123456789',
  host: HOST,
  connections_from: '%',
  most_connections: 20,
  state: 'ready',
  problem: null,
  created_at: '2026-11-01T00:00:00Z',
}
const SECRET = 'aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD'

let root: Root
let asked: Array<{ call: string; body: unknown }> = []
let answers: Record<string, unknown> = {}

function server(permissions: string[], databases: number | null, suspended: boolean): Server {
  const limits = { memory_bytes: 0, swap_bytes: 0, disk_bytes: 0, cpu_percent: 0, databases }
  return { id: 's1', name: 'game', permissions, suspended, limits } as unknown as Server
}

async function open(
  rows: Database[],
  {
    may = EVERY,
    most = 5,
    suspended = false,
  }: { may?: string[]; most?: number | null; suspended?: boolean } = {},
) {
  answers['GET /servers/s1/databases'] = { items: rows, next: null }
  queryClient.clear()
  queryClient.setQueryData(keys.server('s1'), server(may, most, suspended))
  const top = createRootRoute()
  const app = createRoute({ getParentRoute: () => top, id: 'app' })
  const parent = createRoute({ getParentRoute: () => app, path: '/servers/$server' })
  const page = createRoute({
    getParentRoute: () => parent,
    path: '/databases',
    component: ServerDatabasesPage,
  })
  const router = createRouter({
    routeTree: top.addChildren([app.addChildren([parent.addChildren([page])])]),
    history: createMemoryHistory({ initialEntries: ['/servers/s1/databases'] }),
  })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        {/* biome-ignore lint/suspicious/noExplicitAny: another tree than the app's */}
        <RouterProvider router={router as any} />
      </QueryClientProvider>,
    ),
  )
}

const text = () => document.body.textContent ?? ''
const painted = (check: () => void) => act(() => vi.waitFor(check))
const button = (name: string) =>
  [...document.querySelectorAll('button')].find(
    (each) => (each.getAttribute('aria-label') ?? each.textContent) === name,
  ) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
function field(label: string): HTMLInputElement {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent === label)
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement
}
async function type(into: HTMLInputElement, words: string) {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(into, words)
    into.dispatchEvent(new Event('input', { bubbles: true }))
  })
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.clear()
  queryClient.setDefaultOptions({ queries: { retry: false, staleTime: 10_000 } })
  asked = []
  answers = {
    'GET /servers/s1/database-hosts': { items: [{ ...HOST, full: false, most_connections: 20 }], next: null },
    'POST /servers/s1/databases': { ...ROW, id: 'd2' },
    'POST /servers/s1/databases/d1/rotate': ROW,
    'DELETE /servers/s1/databases/d1': { ...ROW, state: 'dropping' },
    'GET /servers/s1/databases/d1/connection': {
      ...HOST,
      database: ROW.name,
      username: ROW.username,
      password: SECRET,
      jdbc: `jdbc:mariadb://db.example.net:3306/${ROW.name}?user=${ROW.username}&password=${SECRET}`,
      url: `mysql://${ROW.username}:${SECRET}@db.example.net:3306/${ROW.name}`,
    },
  }
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname, search } = new URL(request.url)
    const call = `${request.method} ${pathname.replace('/api/v1', '')}`
    const sent = await request.text()
    asked.push({ call: `${call}${search}`, body: sent ? JSON.parse(sent) : undefined })
    return new Response(JSON.stringify(answers[call] ?? {}), {
      status: call in answers ? 200 : 404,
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

it('a password is fetched when it is asked for, and not before', async () => {
  await open([ROW])
  await painted(() => expect(text()).toContain(ROW.name))
  expect(text()).toContain('1 of 5')
  await press(`Connect to ${ROW.name}`)
  expect(text()).toContain('u0123456789')
  expect(asked.some(({ call }) => call.includes('connection'))).toBe(false)
  await press('Show the password')
  await painted(() => expect(text()).toContain(SECRET))
  expect(text()).toContain('jdbc:mariadb://')
  // Gone with the dialog.
  await act(async () =>
    [...document.querySelectorAll('button')]
      .filter((b) => b.textContent === 'Close')
      .at(-1)
      ?.click(),
  )
  await painted(() => expect(text()).not.toContain(SECRET))
  await press(`Connect to ${ROW.name}`)
  expect(text()).not.toContain(SECRET)
})

it('a database is made on the one host that there is', async () => {
  await open([])
  await painted(() => expect(text()).toContain('No database yet'))
  await press('New database')
  await painted(() => expect(field('Nameoptional') ?? field('Name')).toBeTruthy())
  await type(field('Name'), 'Shop')
  expect(text()).toContain('is 1 to 32 of a-z, 0-9 and _')
  await type(field('Name'), 'shop')
  const form = document.querySelector('form') as HTMLFormElement
  await act(async () => form.requestSubmit())
  await painted(() => expect(asked.some(({ call }) => call === 'POST /servers/s1/databases')).toBe(true))
  expect(asked.find(({ call }) => call.startsWith('POST'))?.body).toEqual({
    name: 'shop',
    host: 'h1',
    connections_from: null,
    most_connections: null,
  })
})

it('what is deleted has to be named', async () => {
  await open([ROW])
  await painted(() => expect(text()).toContain(ROW.name))
  await press(`Delete ${ROW.name}`)
  const typed = document.querySelector('[role="dialog"] input') as HTMLInputElement
  await type(typed, 'shop')
  const verb = () => [...document.querySelectorAll('[role="dialog"] button')].at(-1) as HTMLButtonElement
  await act(async () => verb().click())
  expect(asked.some(({ call }) => call.startsWith('DELETE'))).toBe(false)
  await type(typed, ROW.name)
  await act(async () => verb().click())
  await painted(() =>
    expect(asked.some(({ call }) => call === `DELETE /servers/s1/databases/d1?name=${ROW.name}`)).toBe(true),
  )
})

it('what is in the way is said, and when it is tried again', async () => {
  const retry_at = new Date(Date.now() + 60_000).toISOString()
  const problem = { code: 'unreachable', detail: 'x', retry_at }
  await open([{ ...ROW, state: 'creating', problem }])
  await painted(() => expect(text()).toContain('Being made'))
  expect(text()).toContain('The database host does not answer at the moment.')
  expect(text()).toMatch(/Tried again in/)
  expect(button(`Connect to ${ROW.name}`).getAttribute('aria-disabled')).toBe('true')
  // It may be given up all the same.
  expect(button(`Delete ${ROW.name}`).getAttribute('aria-disabled')).not.toBe('true')
})

it('limits, rights and a suspension say why nothing can be done', async () => {
  await open([ROW], { most: 1 })
  await painted(() => expect(text()).toContain(ROW.name))
  expect(button('New database').getAttribute('aria-disabled')).toBe('true')
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  await open([], { most: 0 })
  await painted(() => expect(text()).toContain('This server may have no databases'))
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  await open([ROW], { suspended: true })
  await painted(() => expect(text()).toContain(ROW.name))
  expect(button(`Delete ${ROW.name}`).getAttribute('aria-disabled')).toBe('true')
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  asked = []
  await open([], { may: [] })
  await painted(() => expect(text()).toContain('You may not see the databases of this server'))
  expect(asked).toEqual([])
})
