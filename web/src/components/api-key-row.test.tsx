import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ApiKey } from '~/api/types'
import { ApiKeyRow } from './api-key-row'

const KEY: ApiKey = {
  id: 'k1',
  name: 'CI',
  prefix: 'wrn_usr_Xw81',
  created_at: '2026-11-01T00:00:00Z',
  last_used_at: null,
  expires_at: null,
  keys: null,
  addresses: null,
  requests_per_minute: null,
}

let root: Root
let narrow = false

async function show(change: Partial<ApiKey>) {
  await act(async () =>
    root.render(<ApiKeyRow apiKey={{ ...KEY, ...change }} permissions={[]} onDelete={() => undefined} />),
  )
}
const text = () => document.body.textContent ?? ''
const more = () => document.querySelector('button[aria-expanded]') as HTMLButtonElement | null

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  narrow = false
  vi.stubGlobal('matchMedia', () => ({
    matches: narrow,
    addEventListener: vi.fn(),
    removeEventListener: vi.fn(),
  }))
  document.body.innerHTML = '<ul id="root"></ul>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('a key that nothing narrows says so, and has nothing to open', async () => {
  await show({})
  for (const said of ['Everything', 'from anywhere', '000 requests a minute', 'never used', 'does not end'])
    expect(text()).toContain(said)
  expect(more()).toBeNull()
})

it('permissions are counted, and listed when they are opened', async () => {
  await show({ keys: ['server.read', 'control.start'], addresses: ['192.0.2.7'], requests_per_minute: 60 })
  expect(text()).toContain('2 permissions')
  expect(text()).toContain('from 192.0.2.7')
  expect(text()).toContain('60 requests a minute')
  expect(text()).not.toContain('control.start')
  await act(async () => more()?.click())
  expect(more()?.getAttribute('aria-expanded')).toBe('true')
  expect(document.getElementById(more()?.getAttribute('aria-controls') ?? '')?.textContent).toContain(
    'control.start',
  )
})

it('many addresses are counted, and listed when they are opened', async () => {
  await show({ addresses: ['192.0.2.7', '192.0.2.8', '192.0.2.9'] })
  expect(text()).toContain('3 addresses')
  expect(text()).not.toContain('192.0.2.9')
  await act(async () => more()?.click())
  expect(text()).toContain('192.0.2.9')
})

it('on a phone each fact has its name', async () => {
  narrow = true
  await show({ keys: ['server.read'] })
  const names = [...document.querySelectorAll('dt')].map((each) => each.textContent)
  expect(names).toEqual(['May do', 'From', 'Requests a minute', 'Used', 'End'])
  expect(text()).toContain('1 permission')
})

it('hostile text is text', async () => {
  const evil = '<img src=x onerror=alert(1)>\u202e'
  await show({ name: evil, keys: [evil], addresses: [evil] })
  await act(async () => more()?.click())
  expect(document.querySelector('img')).toBeNull()
  expect(text()).not.toContain('\u202e')
})
