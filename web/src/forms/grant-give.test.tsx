import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys } from '~/api/queries'
import type { Role } from '~/api/types'
import { signedIn } from '~/mock-api/session'
import { GrantDialog } from './grant-give'

const SUPPORT: Role = {
  id: 'r1',
  version: '1',
  name: 'Support',
  description: '',
  keys: ['server.read', 'control.start'],
  grants: 0,
  second_factor: false,

  created_at: '2026-11-01T00:00:00Z',
  updated_at: '2026-11-01T00:00:00Z',
}
const ANN = { id: 'u1', name: 'ann' }
const FRANKFURT = { id: 'l1', name: 'Frankfurt', description: '', nodes: 2, created_at: SUPPORT.created_at }

let root: Root
let asked: Array<{ call: string; body: unknown }> = []
const closed = vi.fn()

async function show(mine: string[]) {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } })
  client.setQueryData(keys.session, signedIn({ permissions: ['node.read', 'role.grant', ...mine] }))
  client.setQueryData(keys.locations, [FRANKFURT])
  client.setQueryData(keys.nodes, [])
  await act(async () =>
    root.render(
      <QueryClientProvider client={client}>
        <GrantDialog open role={SUPPORT} person={ANN} onClose={closed} />
      </QueryClientProvider>,
    ),
  )
}
const button = (name: string) =>
  [...document.querySelectorAll('button')].find((each) => each.textContent === name) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
const choose = (value: string) =>
  act(async () => {
    const select = document.querySelector('select') as HTMLSelectElement
    select.value = value
    select.dispatchEvent(new Event('change', { bubbles: true }))
  })

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  closed.mockReset()
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push({ call: `${request.method} ${new URL(request.url).pathname}`, body: await request.json() })
    const grant = {
      id: 'g1',
      user: ANN,
      role: { id: 'r1', name: 'Support' },
      reach: 'everything',
      target: null,
    }
    return new Response(JSON.stringify(grant), {
      status: 201,
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

it('a role over everything names no place', async () => {
  await show(SUPPORT.keys)
  await press('Give the role')
  await act(() => vi.waitFor(() => expect(closed).toHaveBeenCalled()))
  expect(asked).toEqual([
    { call: 'POST /api/v1/roles/r1/grants', body: { user: 'u1', reach: 'everything', expires_at: null } },
  ])
})

it('a role over a location waits for which one, and forgets it when the reach changes', async () => {
  await show(SUPPORT.keys)
  await press('A location')
  expect(button('Give the role').title).toBe('Missing: a location')
  await choose('l1')
  expect(button('Give the role').getAttribute('aria-disabled')).toBeNull()
  await press('A node')
  expect(button('Give the role').title).toBe('Missing: a node')
  await press('A location')
  await choose('l1')
  await press('Give the role')
  await act(() => vi.waitFor(() => expect(closed).toHaveBeenCalled()))
  expect(asked[0]?.body).toEqual({ user: 'u1', reach: 'location', target: 'l1', expires_at: null })
})

it('over everything nobody gives what they lack; over one place control decides', async () => {
  await show(['server.read'])
  expect(button('Give the role').title).toBe('You lack control.start yourself')
  await press('Give the role')
  expect(asked).toEqual([])
  await press('A location')
  await choose('l1')
  expect(button('Give the role').getAttribute('aria-disabled')).toBeNull()
})
