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
import { ForgotPasswordPage } from './forgot-password'

let root: Root
let asked: unknown[] = []
let answer: () => Response

const refusal = (status: number, body: object, headers = {}) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })
const painted = (check: () => void) => act(() => vi.waitFor(check))
const field = () => document.querySelector('input') as HTMLInputElement
const said = () => document.querySelector('[role=alert]')?.textContent
async function ask(login: string) {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field(), login)
    field().dispatchEvent(new Event('input', { bubbles: true }))
  })
  await act(async () => document.querySelector('form')?.requestSubmit())
}

beforeEach(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  answer = () => new Response(null, { status: 202 })
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push([request.method, new URL(request.url).pathname, JSON.parse(await request.text())])
    return answer()
  })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
  const top = createRootRoute()
  const login = createRoute({ getParentRoute: () => top, path: '/login', component: () => 'the door' })
  const forgot = createRoute({
    getParentRoute: () => top,
    path: '/forgot-password',
    component: ForgotPasswordPage,
  })
  const router = createRouter({
    routeTree: top.addChildren([login, forgot]),
    history: createMemoryHistory({ initialEntries: ['/forgot-password'] }),
  })
  await act(async () => root.render(<RouterProvider router={router as never} />))
  await painted(() => expect(field()).toBeTruthy())
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('whoever asked reads and hears the same, whether or not there is such an account', async () => {
  await ask(' ann@example.net ')
  expect(asked).toEqual([['POST', '/api/v1/password-links', { login: 'ann@example.net' }]])
  await painted(() => expect(document.querySelector('[role=status]')).toBeTruthy())
  const status = document.querySelector('[role=status]')
  expect(status?.textContent).toBe(
    'If there is such an account, a link is on its way to its address. It is good for an hour.',
  )
  expect(document.activeElement).toBe(status)
  expect(document.body.textContent).not.toContain('ann@example.net')
})

it('nothing is asked without a name', async () => {
  await ask('  ')
  await painted(() => expect(said()).toBe('Which account is it?'))
  expect(asked).toEqual([])
})

it('a panel without mail names who can help instead', async () => {
  answer = () => refusal(409, { code: 'mail_off', detail: 'this panel sends no mail: set `mail.url`' })
  await ask('ann')
  await painted(() => expect(said()).toBe('This panel sends no mail. Ask an admin for another password.'))
  expect(field().value).toBe('ann')
})

it.each(['too_many_attempts', 'too_many_requests'])('%s: it says how long to wait', async (code) => {
  answer = () => refusal(429, { code, detail: 'slow down' }, { 'retry-after': '840' })
  await ask('ann')
  await painted(() => expect(said()).toBe('Too many attempts. Try again in 14 min.'))
})

it('words of the panel that are not ours are text', async () => {
  answer = () => refusal(500, { code: 'internal', detail: '<img src=x onerror=alert(1)>' })
  await ask('ann')
  await painted(() => expect(said()).toContain('<img src=x onerror=alert(1)>'))
  expect(document.querySelector('[role=alert] img')).toBeNull()
})
