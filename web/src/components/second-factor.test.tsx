import { QueryClientProvider } from '@tanstack/react-query'
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { queryClient } from '~/api/queries'
import type { SecondFactor } from '~/api/types'
import { SecondFactorCard } from './second-factor'

const OFF: SecondFactor = { on: false, since: null, recovery_codes: 0, wanted_by: null }
const ON: SecondFactor = { on: true, since: '2026-11-01T00:00:00Z', recovery_codes: 9, wanted_by: null }
const CODES = Array.from({ length: 10 }, (_, n) => `kf7m-${n}wq2-p9xh-c4t2`)

let root: Root
let state: SecondFactor
let asked: Array<{ call: string; body: unknown }> = []
let refusal: object | undefined

const painted = (check: () => void) => act(() => vi.waitFor(check))
const said = () => document.body.textContent ?? ''
const field = (label: string) => {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent === label)
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement
}
const buttons = (name: string) =>
  [...document.querySelectorAll('button')].filter(
    (each) => each.textContent === name || each.getAttribute('aria-label') === name,
  )
const button = (name: string) => buttons(name).at(-1) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
async function type(label: string, text: string) {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field(label), text)
    field(label).dispatchEvent(new Event('input', { bubbles: true }))
  })
}
const submit = () => act(async () => document.querySelector('form')?.requestSubmit())

function answered(call: string): [number, unknown] {
  if (call.startsWith('GET')) return [200, state]
  if (refusal) return [422, refusal]
  if (call.endsWith('/off')) {
    state = OFF
    return [204, null]
  }
  if (call.startsWith('PUT') || call.endsWith('/recovery-codes')) {
    state = { ...ON, recovery_codes: 10 }
    return [200, { codes: CODES }]
  }
  return [201, { uri: 'otpauth://totp/Warren:mira?secret=JBSWY3DP', secret: 'JBSWY3DP' }]
}

async function show(now: SecondFactor) {
  state = now
  const top = createRootRoute({ component: () => <SecondFactorCard account="mira" /> })
  const router = createRouter({ routeTree: top, history: createMemoryHistory() })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>,
    ),
  )
  await painted(() => expect(button('Set up') ?? button('Turn off')).toBeTruthy())
}
async function untilCodes() {
  await press('Set up')
  await type('Your password', 'a long story')
  await submit()
  await painted(() => expect(field('Code')).toBeTruthy())
  await type('Code', '123456')
  await submit()
  await painted(() => expect(said()).toContain(CODES[9]))
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  refusal = undefined
  queryClient.clear()
  vi.stubGlobal('fetch', async (request: Request) => {
    const call = `${request.method} ${new URL(request.url).pathname.replace('/api/v1/account', '')}`
    const text = await request.text()
    if (request.method !== 'GET') asked.push({ call, body: JSON.parse(text) })
    const [status, body] = answered(call)
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

it('an app is set up with the password, then with its first code', async () => {
  await show(OFF)
  await untilCodes()
  expect(asked).toEqual([
    { call: 'POST /second-factor', body: { current_password: 'a long story' } },
    { call: 'PUT /second-factor', body: { code: '123456' } },
  ])
})

it('recovery codes are left only by saying that they are kept', async () => {
  await show(OFF)
  await untilCodes()
  expect(button('Done').getAttribute('aria-disabled')).toBe('true')
  await press('Close')
  expect(said()).toContain('Keep the codes first')
  expect(said()).toContain(CODES[0])
  await act(async () => (document.querySelector('[type=checkbox]') as HTMLInputElement).click())
  await press('Done')
  await painted(() => expect(said()).not.toContain(CODES[0]))
  expect(said()).toContain('10 of 10 recovery codes left')
})

it('the secret is spelled to be typed, beside the picture of it', async () => {
  await show(OFF)
  await press('Set up')
  await type('Your password', 'a long story')
  await submit()
  await painted(() => expect(document.querySelector('[aria-label=Secret]')?.textContent).toBe('JBSW Y3DP'))
  expect(document.querySelector('[role=img]')?.getAttribute('aria-label')).toBe(
    'QR code for the authenticator app',
  )
})

it('few recovery codes are warned of, enough are not', async () => {
  await show({ ...ON, recovery_codes: 4 })
  expect(said()).toContain('4 of 10 recovery codes left')
  expect(said()).not.toContain('Make new ones')
  await act(async () => root.unmount())
  queryClient.clear()
  root = createRoot(document.getElementById('root') as HTMLElement)
  await show({ ...ON, recovery_codes: 3 })
  expect(said()).toContain('3 of 10 recovery codes left. Make new ones')
})

it('turning it off takes password and code, and a wrong one is said where it was typed', async () => {
  await show(ON)
  await press('Turn off')
  await type('Your password', 'a long story')
  await type('Code', '123456')
  refusal = { code: 'invalid', errors: [{ field: 'code', code: 'wrong', message: 'is not the code' }] }
  await submit()
  await painted(() => expect(field('Code').getAttribute('aria-invalid')).toBe('true'))
  expect(said()).toContain('Is not the code')
  refusal = undefined
  await type('Code', '654321')
  await submit()
  await painted(() => expect(button('Set up')).toBeTruthy())
  expect(asked.at(-1)).toEqual({
    call: 'POST /second-factor/off',
    body: { current_password: 'a long story', code: '654321' },
  })
})
