import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Registry } from '~/api/types'
import { type Editing, RegistryDialog } from './registry-edit'

const KNOWN: Registry = {
  id: '01kah7q3zd0000000000000001',
  version: '1',
  host: 'ghcr.io',
  username: 'puller',
  created_at: '2026-11-01T00:00:00Z',
  updated_at: '2026-11-01T00:00:00Z',
}

let root: Root
let asked: Array<{ call: string; body: unknown }> = []
let answer: () => [status: number, body: unknown]
const closed = vi.fn()

const show = (editing: Editing) =>
  act(async () =>
    root.render(
      <QueryClientProvider client={new QueryClient()}>
        <RegistryDialog editing={editing} onClose={closed} />
      </QueryClientProvider>,
    ),
  )
const painted = (check: () => void) => act(() => vi.waitFor(check))
const button = (name: string) =>
  [...document.querySelectorAll('button')].find((each) => each.textContent === name) as HTMLButtonElement
function field(label: string): HTMLInputElement {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent === label)
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement
}
async function type(label: string, text: string) {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field(label), text)
    field(label).dispatchEvent(new Event('input', { bubbles: true }))
  })
}
const refuse = (status: number, code: string, detail: string, errors: unknown[] = []) => {
  answer = () => [status, { title: 'Refused', status, code, detail, errors }]
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  answer = () => [200, KNOWN]
  closed.mockReset()
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push({ call: `${request.method} ${new URL(request.url).pathname}`, body: await request.json() })
    const [status, body] = answer()
    return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
  })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('a registry is not asked for without host and password', async () => {
  await show('new')
  await type('Host', 'ghcr.io')
  expect(button('Add registry').title).toBe('Missing: a password')
  await act(async () => button('Add registry').click())
  expect(asked).toEqual([])
})

it('a new registry is sent as it was typed, a password with its spaces', async () => {
  await show('new')
  await type('Host', ' ghcr.io ')
  await type('Password or token', 'two words ')
  await act(async () => button('Add registry').click())
  await painted(() => expect(closed).toHaveBeenCalled())
  expect(asked).toEqual([
    {
      call: 'POST /api/v1/registries',
      body: { host: 'ghcr.io', username: '', password: 'two words ' },
    },
  ])
})

it('a change keeps the host, knows the user name and never the password', async () => {
  await show(KNOWN)
  expect(field('Host')).toBeNull()
  expect(field('User name').value).toBe('puller')
  expect(field('Password or token').value).toBe('')
  await type('Password or token', 'other')
  await act(async () => button('Replace').click())
  await painted(() => expect(closed).toHaveBeenCalled())
  expect(asked).toEqual([
    { call: `PUT /api/v1/registries/${KNOWN.id}`, body: { username: 'puller', password: 'other' } },
  ])
})

it('what is wrong with a field is said beside it, and the dialog stays', async () => {
  await show('new')
  await type('Host', 'https://ghcr.io')
  await type('Password or token', 'x')
  refuse(422, 'invalid', 'One field is wrong', [
    { field: 'host', code: 'invalid', message: 'must be a host' },
  ])
  await act(async () => button('Add registry').click())
  await painted(() => expect(field('Host').getAttribute('aria-invalid')).toBe('true'))
  expect(document.body.textContent).toContain('Must be a host')
  expect(document.body.textContent).not.toContain('One field is wrong')
  expect(closed).not.toHaveBeenCalled()
})

it('a host that has a credential already is said beside the host', async () => {
  await show('new')
  await type('Host', 'ghcr.io')
  await type('Password or token', 'x')
  refuse(409, 'registry_exists', 'ghcr.io has a credential already; change that one')
  await act(async () => button('Add registry').click())
  await painted(() => expect(field('Host').getAttribute('aria-invalid')).toBe('true'))
})
