import { QueryClientProvider } from '@tanstack/react-query'
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
import { queryClient } from '~/api/queries'
import { LoginPage } from './login'

let root: Root
let providers: Array<{ id: string; name: string }>
let asked: Array<{ path: string; body: unknown }> = []
let answer: [number, object]
const assign = vi.fn()

const painted = (check: () => void) => act(() => vi.waitFor(check))
const button = (name: string) =>
  [...document.querySelectorAll('button')].find(
    (each) => each.getAttribute('aria-label') === name,
  ) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
const alert = () => document.querySelector('[role=alert]')?.textContent
const text = () => document.body.textContent ?? ''

async function open(address = '/login') {
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
  const top = createRootRoute()
  const login = createRoute({ getParentRoute: () => top, path: '/login', component: LoginPage })
  const forgot = createRoute({ getParentRoute: () => top, path: '/forgot-password', component: () => null })
  const router = createRouter({
    routeTree: top.addChildren([login, forgot]),
    history: createMemoryHistory({ initialEntries: [address] }),
  })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>,
    ),
  )
  await painted(() => expect(text()).toContain('Sign in to Warren'))
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.clear()
  providers = [
    { id: 'acme', name: 'Acme ID' },
    { id: 'guild', name: 'Guild\u202eHall' },
  ]
  asked = []
  answer = [200, { url: 'https://id.example.net/authorize' }]
  assign.mockReset()
  vi.stubGlobal('location', {
    hostname: '192.0.2.7',
    host: '192.0.2.7',
    protocol: 'https:',
    href: 'https://192.0.2.7/login',
    assign,
  })
  vi.stubGlobal('fetch', async (request: Request) => {
    if (request.method === 'GET') return Response.json({ items: providers, next: null })
    asked.push({
      path: new URL(request.url).pathname.replace('/api/v1', ''),
      body: JSON.parse(await request.text()),
    })
    const [status, body] = answer
    return Response.json(body, { status })
  })
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('each provider has a button, which leads to its page and back to where one wanted to go', async () => {
  await open('/login?next=%2Fnodes')
  await painted(() => expect(button('Sign in with Guild\\u{202e}Hall')).toBeTruthy())
  await press('Sign in with Acme ID')
  await painted(() => expect(assign).toHaveBeenCalledWith('https://id.example.net/authorize'))
  expect(asked).toEqual([{ path: '/session/sso/acme', body: { next: '/nodes' } }])
  // The page is being left: it stays busy, and nothing else begins.
  expect(button('Sign in with Acme ID').getAttribute('aria-busy')).toBe('true')
  await press('Sign in with Guild\\u{202e}Hall')
  expect(asked).toHaveLength(1)
})

it('a page that the browser brings back is not busy any more', async () => {
  await open()
  await painted(() => expect(button('Sign in with Acme ID')).toBeTruthy())
  await press('Sign in with Acme ID')
  await painted(() => expect(assign).toHaveBeenCalled())
  const shown = Object.assign(new Event('pageshow'), { persisted: true })
  await act(async () => window.dispatchEvent(shown))
  await painted(() => expect(button('Sign in with Acme ID').getAttribute('aria-busy')).toBeNull())
})

it('a provider that does not answer is said below the buttons', async () => {
  answer = [502, { code: 'provider_unreachable', detail: 'connection refused' }]
  await open()
  await painted(() => expect(button('Sign in with Acme ID')).toBeTruthy())
  await press('Sign in with Acme ID')
  await painted(() => expect(alert()).toContain('The provider did not answer.'))
  expect(assign).not.toHaveBeenCalled()
  expect(button('Sign in with Acme ID').getAttribute('aria-busy')).toBeNull()
})

it('who was turned away reads why, until they try again', async () => {
  await open('/login?sso=unknown_account')
  await painted(() => expect(button('Sign in with Acme ID')).toBeTruthy())
  expect(alert()).toContain('Nobody here has this log-in.')
  expect(alert()).toContain('connect it under Account')
  await press('Sign in with Acme ID')
  await painted(() => expect(alert()).toBeUndefined())
})

it('without a provider the page is as it was', async () => {
  providers = []
  await open()
  expect(document.querySelectorAll('button[aria-label^="Sign in with"]')).toHaveLength(0)
  expect([...document.querySelectorAll('div')].some((each) => each.textContent === 'or')).toBe(false)
})
