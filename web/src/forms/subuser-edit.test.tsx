import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Permissions, Server, Subuser } from '~/api/types'
import { type Sharing, SubuserDialog } from './subuser-edit'

const PERMISSIONS: Permissions = {
  keys: [
    { key: 'server.read', set: 'server', description: 'See it.' },
    { key: 'control.console', set: 'server', description: 'Read the console.' },
    { key: 'control.start', set: 'server', description: 'Start it.' },
    { key: 'server.delete', set: 'server', description: 'Delete it.' },
    { key: 'node.read', set: 'node', description: 'See nodes.' },
  ],
  presets: [
    { name: 'viewer', description: 'Sees it', keys: ['server.read', 'control.console'] },
    { name: 'owner', description: 'All of it', keys: ['server.read', 'control.console', 'server.delete'] },
  ],
}
const SERVER = {
  id: 's1',
  name: 'Vale',
  permissions: ['server.read', 'control.console', 'control.start', 'user.create', 'user.update'],
} as Server
const ANN: Subuser = {
  id: 'u1',
  version: '1',
  username: 'ann',
  email: 'ann@example.net',
  invited: false,
  keys: ['server.read', 'control.start'],
  created_at: '2026-11-01T00:00:00Z',
  expires_at: '2036-11-29T17:45:00Z',
}

let root: Root
let asked: Array<{ call: string; body: unknown }> = []
let answer: () => [status: number, body: unknown]
const closed = vi.fn()

async function show(sharing: Sharing) {
  await act(async () =>
    root.render(
      <QueryClientProvider client={new QueryClient()}>
        <SubuserDialog server={SERVER} sharing={sharing} onClose={closed} />
      </QueryClientProvider>,
    ),
  )
  await painted(() => expect(box('Start it')).toBeTruthy())
}
const painted = (check: () => void) => act(() => vi.waitFor(check))
const button = (name: string) =>
  [...document.querySelectorAll('button')].find((each) =>
    each.textContent?.startsWith(name),
  ) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
/** The checkbox of the right that is described so. */
function box(text: string): HTMLInputElement {
  const label = [...document.querySelectorAll('label')].find((each) => each.textContent?.startsWith(text))
  return label?.querySelector('input') as HTMLInputElement
}
async function type(label: string, text: string) {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent === label)
  const field = document.getElementById(found?.htmlFor ?? '')
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field, text)
    field?.dispatchEvent(new Event('input', { bubbles: true }))
  })
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  answer = () => [200, ANN]
  closed.mockReset()
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname } = new URL(request.url)
    const reading = request.method === 'GET'
    if (!reading) asked.push({ call: `${request.method} ${pathname}`, body: await request.json() })
    const [status, body] = reading ? [200, PERMISSIONS] : answer()
    return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
  })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('a preset fills the table, and what is sent is what is ticked', async () => {
  await show('new')
  await type('Name or e-mail', ' ann ')
  await press('Viewer')
  expect(box('Read the console').checked).toBe(true)
  await act(async () => box('Start it').click())
  await press('Give access')
  await painted(() => expect(closed).toHaveBeenCalled())
  expect(asked).toEqual([
    {
      call: 'POST /api/v1/servers/s1/users',
      body: { login: 'ann', keys: ['server.read', 'control.console', 'control.start'], expires_at: null },
    },
  ])
})

it('a right that the reader lacks can not be ticked, nor a preset that holds one be chosen', async () => {
  await show('new')
  expect(box('Delete it').disabled).toBe(true)
  expect(button('Owner').title).toBe('You lack server.delete yourself')
  await press('Owner')
  expect(box('Read the console').checked).toBe(false)
})

it('keys that are not about one server are not offered', async () => {
  await show('new')
  expect(box('See nodes')).toBeUndefined()
})

it('nothing is asked for without a name and a right', async () => {
  await show('new')
  expect(button('Give access').title).toBe('Missing: a name and at least one right')
  await press('Give access')
  expect(asked).toEqual([])
})

it('a change keeps the end to the minute, and seeing the server while anything else is left', async () => {
  await show(ANN)
  expect([box('See it').checked, box('See it').disabled]).toEqual([true, true])
  await act(async () => box('Read the console').click())
  await press('Save')
  await painted(() => expect(closed).toHaveBeenCalled())
  expect(asked).toEqual([
    {
      call: 'PUT /api/v1/servers/s1/users/u1',
      body: { keys: ['server.read', 'control.start', 'control.console'], expires_at: ANN.expires_at },
    },
  ])
})

it('somebody who has access already is said beside the name, and the dialog stays', async () => {
  await show('new')
  await type('Name or e-mail', 'ann')
  await press('Viewer')
  answer = () => [
    409,
    { title: 'Refused', status: 409, code: 'has_access', detail: 'ann has access already' },
  ]
  await press('Give access')
  await painted(() => expect(document.querySelector('[aria-invalid=true]')).toBeTruthy())
  expect(document.body.textContent).toContain('Ann has access already')
  expect(closed).not.toHaveBeenCalled()
})
