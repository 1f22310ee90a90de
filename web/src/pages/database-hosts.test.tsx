import { QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys, queryClient } from '~/api/queries'
import type { DatabaseHost } from '~/api/types'
import { signedIn } from '~/mock-api/session'
import { DatabaseHostsPage } from './database-hosts'

const EVERY = ['read', 'create', 'update', 'delete'].map((word) => `database_host.${word}`)
const HOST: DatabaseHost = {
  id: 'h1',
  version: '1',
  name: 'db-1',
  engine: 'mariadb',
  address: '10.0.0.5',
  port: 3306,
  public_address: null,
  public_port: null,
  username: 'warren',
  tls: 'off',
  ca_pem: null,
  most_databases: 10,
  most_connections: null,
  nodes: ['n1', 'gone'],
  locations: [],
  databases: 2,
  troubled: 1,
  created_at: '2026-11-01T00:00:00Z',
  updated_at: '2026-11-01T00:00:00Z',
}

let root: Root
let asked: Array<{ call: string; body: unknown }> = []
let answers: Record<string, unknown> = {}

async function open(hosts: DatabaseHost[], may = EVERY) {
  answers['GET /database-hosts'] = { items: hosts, next: null }
  queryClient.setQueryData(keys.session, signedIn({ permissions: may }))
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <DatabaseHostsPage />
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
async function type(label: string, words: string) {
  const into = field(label)
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(into, words)
    into.dispatchEvent(new Event('input', { bubbles: true }))
  })
}
const submit = () => act(async () => (document.querySelector('form') as HTMLFormElement).requestSubmit())

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.clear()
  queryClient.setDefaultOptions({ queries: { retry: false, staleTime: 10_000 } })
  asked = []
  answers = { 'POST /database-hosts': HOST, 'PUT /database-hosts/h1': HOST }
  vi.stubGlobal('fetch', async (request: Request) => {
    const call = `${request.method} ${new URL(request.url).pathname.replace('/api/v1', '')}`
    const sent = await request.text()
    asked.push({ call, body: sent ? JSON.parse(sent) : undefined })
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

it('a host is made known with its password', async () => {
  await open([])
  await painted(() => expect(text()).toContain('No server can have a database'))
  await press('New database host')
  await type('Name', 'db-2')
  await type('Address', '10.0.0.6')
  await submit()
  // Nothing is sent without an account.
  expect(asked.some(({ call }) => call.startsWith('POST'))).toBe(false)
  await type('User name', 'warren')
  await type('Password', 'secret')
  await submit()
  await painted(() => expect(asked.some(({ call }) => call === 'POST /database-hosts')).toBe(true))
  expect(asked.find(({ call }) => call.startsWith('POST'))?.body).toMatchObject({
    engine: 'mariadb',
    name: 'db-2',
    address: '10.0.0.6',
    port: 3306,
    public_address: null,
    public_port: null,
    username: 'warren',
    password: 'secret',
    tls: 'off',
    ca_pem: null,
    most_databases: null,
    nodes: [],
    locations: [],
  })
})

it('a change keeps the password and the places that are there no longer', async () => {
  await open([HOST])
  await painted(() => expect(text()).toContain('2 of 10 databases'))
  expect(text()).toContain('1 needs a look')
  await press('Change db-1')
  await type('Name', 'main')
  await submit()
  await painted(() => expect(asked.some(({ call }) => call === 'PUT /database-hosts/h1')).toBe(true))
  const { body } = asked.find(({ call }) => call.startsWith('PUT')) ?? {}
  expect(body).toMatchObject({ name: 'main', password: null, nodes: ['n1', 'gone'], most_databases: 10 })
  expect(body).not.toHaveProperty('engine')
})

it('a test says what is missing', async () => {
  answers['POST /database-hosts/h1/test'] = {
    ok: false,
    code: 'privileges',
    detail: 'the account lacks: CREATE USER',
    version: '10.11.14-MariaDB',
    connect_ms: 12,
    latency_ms: 1,
    missing: ['CREATE USER'],
    warnings: ['look at this'],
  }
  await open([HOST])
  await painted(() => expect(text()).toContain('db-1'))
  await press('Test db-1')
  await painted(() => expect(text()).toContain('CREATE USER'))
  for (const words of ['can’t be made on it', '10.11.14-MariaDB', '12 ms', 'look at this'])
    expect(text()).toContain(words)
  // Asked once, though React draws twice in development.
  expect(asked.filter(({ call }) => call.endsWith('/test'))).toHaveLength(1)
})

it('who may read alone can do nothing, and a host in use is not removed', async () => {
  await open([HOST], ['database_host.read'])
  await painted(() => expect(text()).toContain('db-1'))
  for (const name of ['New database host', 'Test db-1', 'Change db-1', 'Delete db-1'])
    expect(button(name).getAttribute('aria-disabled'), name).toBe('true')
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  await open([HOST])
  await painted(() => expect(text()).toContain('db-1'))
  expect(button('Delete db-1').getAttribute('aria-disabled')).toBe('true')
})

it('what its host can not remove may be forgotten by its name', async () => {
  const row = {
    id: 'd1',
    name: 'w0_old',
    username: 'u0',
    server: { id: 's1', name: 'creative' },
    orphaned: true,
    state: 'dropping',
    problem: 'credentials',
    problem_detail: 'Access denied',
    failures: 3,
    retry_at: new Date(Date.now() + 60_000).toISOString(),
    created_at: HOST.created_at,
  }
  const young = { ...row, id: 'd2', name: 'w1_new', failures: 0, problem: null, problem_detail: null }
  answers['GET /database-hosts/h1/databases'] = { items: [row, young], next: null }
  answers['DELETE /database-hosts/h1/databases/d1'] = {}
  await open([HOST])
  await painted(() => expect(text()).toContain('db-1'))
  await press('Databases on db-1')
  await painted(() => expect(text()).toContain('of creative, which was deleted'))
  expect(text()).toContain('The host refuses the log-in. Access denied')
  expect(button('Forget w1_new')).toBeUndefined()
  await press('Forget w0_old')
  const typed = [...document.querySelectorAll('[role="dialog"] input')].at(-1) as HTMLInputElement
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(typed, 'w0_old')
    typed.dispatchEvent(new Event('input', { bubbles: true }))
  })
  const verb = [...document.querySelectorAll('[role="dialog"] button')].at(-1) as HTMLButtonElement
  await act(async () => verb.click())
  await painted(() =>
    expect(asked.some(({ call }) => call === 'DELETE /database-hosts/h1/databases/d1')).toBe(true),
  )
})
