import { QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { queryClient } from '~/api/queries'
import type { Passkey } from '~/api/types'
import { Passkeys } from './passkeys'

const HERE = 'panel.example.net'
const phone: Passkey = {
  id: '1',
  name: 'Phone',
  host: HERE,
  created_at: '2026-11-01T00:00:00Z',
  last_used_at: null,
  synced: true,
}
const key: Passkey = { ...phone, id: '2', name: 'Key\u202e', host: 'old.example.net', synced: false }

let root: Root
let rows: Passkey[]
let asked: Array<{ call: string; body: unknown }> = []
let refusals: Record<string, [number, object]> = {}
let browser: { made: (credential: object) => void; refused: (error: Error) => void; signal: AbortSignal }

const painted = (check: () => void) => act(() => vi.waitFor(check))
const said = () => document.body.textContent ?? ''
const field = (label: string) => {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent === label)
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement
}
const button = (name: string) =>
  [...document.querySelectorAll('button')]
    .filter((each) => each.textContent === name || each.getAttribute('aria-label') === name)
    .at(-1) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
async function type(label: string, text: string) {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field(label), text)
    field(label).dispatchEvent(new Event('input', { bubbles: true }))
  })
}
const submit = () => act(async () => document.querySelector('form')?.requestSubmit())

function answered(call: string, body: unknown): [number, unknown] {
  const refusal = refusals[call]
  if (refusal) return refusal
  if (call === 'GET /passkeys') return [200, { items: rows, next: null }]
  if (call === 'POST /passkeys/offer')
    return [200, { state: 'kept', options: { challenge: 'AQID', user: { id: 'BAU' } } }]
  if (call === 'POST /passkeys') {
    rows = [{ ...phone, id: '3', name: (body as Passkey).name }, ...rows]
    return [201, rows[0]]
  }
  if (call.startsWith('PATCH')) {
    rows = rows.map((row) => (call.endsWith(row.id) ? { ...row, ...(body as Passkey) } : row))
    return [200, rows[0]]
  }
  rows = rows.filter((row) => !call.endsWith(row.id))
  return [204, null]
}

async function show(now: Passkey[], hostname = HERE) {
  rows = now
  vi.stubGlobal('location', { hostname, protocol: 'https:', href: `https://${hostname}/account` })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <Passkeys />
      </QueryClientProvider>,
    ),
  )
  await painted(() => expect(said()).toContain(now[0]?.name.slice(0, 3) ?? 'No passkey yet'))
}
async function untilAsked() {
  await press('Add a passkey')
  await type('Your password', 'a long story')
  await type('Name', ' Mira’s laptop ')
  await submit()
  await painted(() => expect(said()).toContain('Your browser asks you now'))
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  refusals = {}
  queryClient.clear()
  vi.stubGlobal('isSecureContext', true)
  vi.stubGlobal('PublicKeyCredential', class {})
  vi.stubGlobal('navigator', {
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
    credentials: {
      create: ({ signal }: CredentialCreationOptions) =>
        new Promise((resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')))
          browser = {
            signal: signal as AbortSignal,
            made: (credential) => resolve({ toJSON: () => credential }),
            refused: reject,
          }
        }),
    },
  })
  vi.stubGlobal('fetch', async (request: Request) => {
    const call = `${request.method} ${new URL(request.url).pathname.replace('/api/v1/account', '')}`
    const text = await request.text()
    const sent = text ? JSON.parse(text) : undefined
    if (request.method !== 'GET') asked.push({ call, body: sent })
    const [status, body] = answered(call, sent)
    return new Response(body === null ? null : JSON.stringify(body), {
      status,
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

it('each passkey tells where it is kept, and where it works if not here', async () => {
  await show([phone, key])
  const [first, second] = [...document.querySelectorAll('li')].map((each) => each.textContent)
  expect(first).toContain('synced')
  expect(first).toContain('never used')
  expect(first).not.toContain('only')
  expect(second).toContain('Key\\u{202e}')
  expect(second).toContain('on one device')
  expect(second).toContain('at old.example.net only')
})

it('without one it is said what it is for', async () => {
  await show([])
  expect(said()).toContain('your fingerprint, your face or the lock of your device')
})

it('a passkey is made with the password, by the browser, under a name', async () => {
  await show([])
  await press('Add a passkey')
  expect(field('Name').value).toBe('Firefox on Linux')
  await press('Cancel')
  await untilAsked()
  await act(async () => browser.made({ id: 'new' }))
  await painted(() => expect(document.querySelector('li')?.textContent).toContain('Mira’s laptop'))
  expect(asked).toEqual([
    { call: 'POST /passkeys/offer', body: { current_password: 'a long story' } },
    { call: 'POST /passkeys', body: { name: 'Mira’s laptop', state: 'kept', credential: { id: 'new' } } },
  ])
  expect(document.querySelector('[role=dialog]')).toBeNull()
})

it('a question that goes unanswered is no error, and what was typed stays', async () => {
  await show([])
  await untilAsked()
  await act(async () => browser.refused(new DOMException('', 'NotAllowedError')))
  await painted(() => expect(said()).toContain('Nothing was added'))
  expect(document.querySelector('[role=alert]')).toBeNull()
  expect(field('Your password').value).toBe('a long story')
})

it('what the browser or the panel refuses is said in words', async () => {
  await show([])
  await untilAsked()
  await act(async () => browser.refused(new DOMException('The user…', 'InvalidStateError')))
  await painted(() =>
    expect(document.querySelector('[role=alert]')?.textContent).toBe(
      'This device or app has a passkey for this account already.',
    ),
  )
  refusals['POST /passkeys/offer'] = [
    422,
    {
      code: 'invalid',
      errors: [{ field: 'current_password', code: 'wrong', message: 'is not the password' }],
    },
  ]
  await submit()
  await painted(() => expect(field('Your password').getAttribute('aria-invalid')).toBe('true'))
  refusals = {
    'POST /passkeys': [422, { code: 'invalid', errors: [{ field: 'state', message: 'too late' }] }],
  }
  await submit()
  await painted(() => expect(said()).toContain('Your browser asks you now'))
  await act(async () => browser.made({ id: 'new' }))
  await painted(() => expect(document.querySelector('[role=alert]')?.textContent).toBe('Too late'))
})

it('closing the dialog closes the browser’s question', async () => {
  await show([])
  await untilAsked()
  await press('Cancel')
  expect(browser.signal.aborted).toBe(true)
})

it('a passkey is renamed, and removed after a question', async () => {
  await show([phone])
  await press('Rename Phone')
  expect(field('Name').value).toBe('Phone')
  await type('Name', 'Old phone')
  await submit()
  await painted(() => expect(button('Remove Old phone')).toBeTruthy())
  await press('Remove Old phone')
  expect(said()).toContain('It signs nobody in any more')
  await press('Remove')
  await painted(() => expect(said()).toContain('No passkey yet'))
  expect(asked).toEqual([
    { call: 'PATCH /passkeys/1', body: { name: 'Old phone' } },
    { call: 'DELETE /passkeys/1', body: undefined },
  ])
})

it('where none can be made, the card says why and what helps', async () => {
  await show([phone], '192.0.2.7')
  expect(button('Add a passkey').getAttribute('aria-disabled')).toBe('true')
  expect(said()).toContain('Open the panel by its name.')
})
