import { QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { queryClient } from '~/api/queries'
import type { ConnectedLogin, Provider } from '~/api/types'
import type { SsoCode } from '~/util/sso'
import { ConnectedLogins } from './connected-logins'

const ACME: Provider = { id: 'acme', name: 'Acme ID' }
const GUILD: Provider = { id: 'guild', name: 'Guild Hall' }
const mine: ConnectedLogin = {
  id: '1',
  provider: 'acme',
  provider_name: 'Acme ID',
  name: 'mira@acme.example.net',
  created_at: '2026-11-01T00:00:00Z',
  last_used_at: null,
}

let root: Root
let providers: Provider[]
let logins: ConnectedLogin[]
let asked: Array<{ call: string; body: unknown }> = []
let refusal: [number, object] | undefined
const assign = vi.fn()

const painted = (check: () => void) => act(() => vi.waitFor(check))
const said = () => document.body.textContent ?? ''
const rows = () => [...document.querySelectorAll('li')].map((each) => each.textContent ?? '')
const button = (name: string) =>
  [...document.querySelectorAll('button')]
    .filter((each) => each.textContent === name || each.getAttribute('aria-label') === name)
    .at(-1) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
const password = () => document.querySelector('input[type=password]') as HTMLInputElement
async function prove() {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(password(), 'a long story')
    password().dispatchEvent(new Event('input', { bubbles: true }))
  })
  await act(async () => document.querySelector('form')?.requestSubmit())
}

async function show(count: number, refused?: SsoCode) {
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <ConnectedLogins refused={refused} />
      </QueryClientProvider>,
    ),
  )
  await painted(() => {
    expect(queryClient.isFetching()).toBe(0)
    expect(rows()).toHaveLength(count)
  })
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.clear()
  providers = [ACME, GUILD]
  logins = [mine]
  asked = []
  refusal = undefined
  assign.mockReset()
  vi.stubGlobal('location', { href: 'https://panel.example.net/account', assign })
  vi.stubGlobal('fetch', async (request: Request) => {
    const path = new URL(request.url).pathname.replace('/api/v1', '')
    if (request.method === 'GET')
      return Response.json({ items: path === '/session/providers' ? providers : logins, next: null })
    const text = await request.text()
    asked.push({ call: `${request.method} ${path}`, body: text ? JSON.parse(text) : undefined })
    if (refusal) return Response.json(refusal[1], { status: refusal[0] })
    if (request.method === 'POST') return Response.json({ url: 'https://id.example.net/authorize' })
    logins = []
    return new Response(null, { status: 204 })
  })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('what is connected and what could be stand in one list', async () => {
  await show(2)
  expect(rows()[0]).toContain('mira@acme.example.net')
  expect(rows()[0]).toContain('never used')
  expect(rows()[0]).not.toContain('no longer offered')
  expect(rows()[1]).toContain('Guild Hall')
  expect(rows()[1]).toContain('not connected')
})

it('a connection to a provider that is gone is shown still', async () => {
  providers = []
  await show(1)
  expect(rows()[0]).toContain('no longer offered here')
})

it('without providers and connections there is no card', async () => {
  providers = []
  logins = []
  await show(0)
  expect(said()).toBe('')
})

it('connecting takes the password and leads to the provider', async () => {
  await show(2)
  await press('Connect Guild Hall')
  await prove()
  await painted(() => expect(assign).toHaveBeenCalledWith('https://id.example.net/authorize'))
  expect(asked).toEqual([
    { call: 'POST /account/logins', body: { provider: 'guild', current_password: 'a long story' } },
  ])
})

it('a wrong password is said where it was typed', async () => {
  refusal = [
    422,
    {
      code: 'invalid',
      errors: [{ field: 'current_password', code: 'wrong', message: 'is not the password' }],
    },
  ]
  await show(2)
  await press('Connect Guild Hall')
  await prove()
  await painted(() => expect(password().getAttribute('aria-invalid')).toBe('true'))
  expect(assign).not.toHaveBeenCalled()
})

it('a connection is taken back after a question, and the last way in stays', async () => {
  await show(2)
  refusal = [409, { code: 'last_way_in', detail: 'nothing else lets you in' }]
  await press('Disconnect Acme ID: mira@acme.example.net')
  expect(said()).toContain('Your sessions go on')
  await press('Disconnect')
  await painted(() => expect(asked).toHaveLength(1))
  expect(said()).toContain('Your sessions go on')
  refusal = undefined
  await press('Disconnect')
  await painted(() => expect(rows().every((row) => row.includes('not connected'))).toBe(true))
  expect(asked.at(-1)?.call).toBe('DELETE /account/logins/1')
})

it('why nothing was connected is told in the card', async () => {
  await show(2, 'linked_elsewhere')
  expect(document.querySelector('[role=alert]')?.textContent).toContain('belongs to another account here')
})
