import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { AuditRow } from '~/api/types'
import type { Thing } from '~/util/things'
import { AuditRows } from './audit-rows'

const ROW: AuditRow = {
  id: '01ROW',
  at: '2026-11-20T12:00:00Z',
  actor: { kind: 'user', user: { id: 'u1', name: 'ann' }, by: null },
  action: 'control.start',
  resource: 'server',
  resource_id: 's1',
  server: { id: 's1', name: 'Lantern Vale' },
  address: '203.0.113.9',
  diff: null,
}
const STANDING: Array<[string, Thing]> = [
  ['u1', { kind: 'person', name: 'ann', stands: true }],
  ['s1', { kind: 'server', name: 'Lantern Vale', stands: true }],
]

let root: Root

async function show(
  row: Partial<AuditRow>,
  { standing = STANDING, of }: { standing?: typeof STANDING; of?: string } = {},
) {
  const rows = [{ ...ROW, ...row }]
  const rootRoute = createRootRoute({
    component: () => (
      <AuditRows rows={rows} things={new Map(standing)} permissions={[]} {...(of ? { of } : {})} />
    ),
  })
  const router = createRouter({ routeTree: rootRoute, history: createMemoryHistory() })
  await act(async () => root.render(<RouterProvider router={router as never} />))
  await act(() => vi.waitFor(() => expect(button()).toBeTruthy()))
}
const button = () => document.querySelector('button[aria-label^="Details"]') as HTMLButtonElement
const links = () =>
  [...document.querySelectorAll('a')].map((a) => `${a.textContent} ${a.getAttribute('href')}`)
const text = () => document.body.textContent ?? ''

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  vi.stubGlobal('matchMedia', (query: string) => ({
    matches: query.startsWith('(min-width'),
    addEventListener: vi.fn(),
    removeEventListener: vi.fn(),
  }))
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('who did it and on what are led to while they are there', async () => {
  await show({})
  expect(links()).toEqual(['ann /people/u1', 'Lantern Vale /servers/s1'])
})

it('what is gone keeps its name and leads nowhere', async () => {
  await show(
    { action: 'server.delete', diff: { name: 'Old Harbour' }, server: { id: 's1', name: '' } },
    { standing: [] },
  )
  expect(links()).toEqual([])
  expect(text()).toContain('ann')
  expect(text()).toContain('Old Harbour')
})

it('a key, a node and the panel itself are told from a person', async () => {
  await show({ actor: { kind: 'api_key', user: { id: 'u1', name: 'ann' }, by: { id: 'k1', name: 'CI' } } })
  expect(text()).toContain('by the key CI')
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  await show({ actor: { kind: 'system', user: null, by: null }, address: null })
  expect(text()).toContain('The panel itself')
  expect(text()).toContain('not shown')
})

it('who tried to come in and did not is told from the panel itself', async () => {
  await show({
    actor: { kind: 'nobody', user: null, by: null },
    action: 'session.refused',
    resource: 'user',
    resource_id: 'u1',
    server: null,
    diff: { wrong: 'password' },
  })
  expect(text()).toContain('Somebody who was not logged in')
  expect(text()).toContain('Failed to sign in: wrong password')
  expect(links()).toEqual(['ann /people/u1'])
})

it('a name that nobody has is not told as a person', async () => {
  await show({ action: 'session.refused', resource: 'user', resource_id: null, server: null })
  expect(text()).toContain('No account of that name')
})

it('on a server’s own page it is not named again, and others are', async () => {
  await show({}, { of: 's1' })
  expect(text()).not.toContain('Lantern Vale')
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  await show({ action: 'user.create', resource: 'user', resource_id: 'u1' }, { of: 's1' })
  expect(text()).toContain('Gave access · ann')
})

it('details open and close, and say before and after', async () => {
  await show({
    action: 'server.update',
    diff: { name: { from: 'Factory', to: 'Branch Line' }, suspended: { from: false, to: true } },
  })
  expect(text()).not.toContain('Factory')
  await act(async () => button().click())
  expect(button().getAttribute('aria-expanded')).toBe('true')
  expect(text()).toContain('before: Factory')
  expect(text()).toContain('after: Branch Line')
  await act(async () => button().click())
  expect(text()).not.toContain('Factory')
})

it('hostile text in any field is text', async () => {
  const evil = '<img src=x onerror=alert(1)>\u202e'
  await show({
    id: evil,
    action: evil,
    resource: evil,
    resource_id: evil,
    address: evil,
    server: { id: 's2', name: evil },
    actor: { kind: 'api_key', user: { id: 'u2', name: evil }, by: { id: 'k', name: evil } },
    diff: { name: evil, [evil]: { from: evil, to: [evil, { [evil]: evil }] } },
  })
  await act(async () => button().click())
  expect(document.querySelector('img, script')).toBeNull()
  expect(text()).toContain('<img src=x onerror=alert(1)>\\u{202e}')
  expect(text()).not.toContain('\u202e')
})
