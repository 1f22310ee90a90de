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

const WITH = 'Sign in with a passkey'
const IN: [number, object] = [200, { user: { username: 'mira', must_change_password: false } }]

interface Asked {
  options: CredentialRequestOptions
  answer: (id: string) => void
  refuse: (error: Error) => void
}

let root: Root
let calls: Array<{ path: string; body: unknown }> = []
let questions: Asked[] = []
let answer = IN
let offers = 0

const painted = (check: () => void) => act(() => vi.waitFor(check))
const button = (name: string) =>
  [...document.querySelectorAll('button')].find((each) => each.textContent === name) as HTMLButtonElement
const press = () => act(async () => button(WITH).click())
const question = (at: number) => questions[at] as Asked
const asked = (count: number) => painted(() => expect(questions).toHaveLength(count))
const text = () => document.body.textContent ?? ''
const alert = () => document.querySelector('[role=alert]')?.textContent
const ended = () => calls.filter(({ path }) => path === '/session/passkey').map(({ body }) => body)

function browser(fillsFields: boolean, hostname = 'panel.example.net') {
  vi.stubGlobal('isSecureContext', true)
  vi.stubGlobal('location', { hostname, host: hostname, protocol: 'https:', search: '', href: 'https://x/' })
  vi.stubGlobal(
    'PublicKeyCredential',
    Object.assign(class {}, { isConditionalMediationAvailable: async () => fillsFields }),
  )
  vi.stubGlobal('navigator', {
    ...navigator,
    credentials: {
      get: (options: CredentialRequestOptions) =>
        new Promise((resolve, reject) => {
          const refuse = (error: Error) => reject(error)
          options.signal?.addEventListener('abort', () => refuse(new DOMException('', 'AbortError')))
          questions.push({ options, refuse, answer: (id) => resolve({ toJSON: () => ({ id }) }) })
        }),
    },
  })
}

async function open() {
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
  const top = createRootRoute()
  const login = createRoute({ getParentRoute: () => top, path: '/login', component: LoginPage })
  const forgot = createRoute({ getParentRoute: () => top, path: '/forgot-password', component: () => null })
  const password = createRoute({ getParentRoute: () => top, path: '/password', component: () => 'first one' })
  const nodes = createRoute({ getParentRoute: () => top, path: '/nodes', component: () => 'the nodes' })
  const home = createRoute({ getParentRoute: () => top, path: '/', component: () => 'signed in' })
  const router = createRouter({
    routeTree: top.addChildren([login, forgot, password, nodes, home]),
    history: createMemoryHistory({ initialEntries: ['/login?next=%2Fnodes'] }),
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
  calls = []
  questions = []
  answer = IN
  offers = 0
  vi.stubGlobal('fetch', async (request: Request) => {
    if (request.method === 'GET') return Response.json({ items: [], next: null })
    const path = new URL(request.url).pathname.replace('/api/v1', '')
    const sent = await request.text()
    calls.push({ path, body: sent ? JSON.parse(sent) : undefined })
    const [status, body] = path.endsWith('/offer')
      ? [200, { state: `s${++offers}`, options: { challenge: 'AQID' } }]
      : answer
    return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
  })
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('the button asks the browser, sends what it answers, and leads where the password would', async () => {
  browser(false)
  await open()
  await press()
  await asked(1)
  expect(question(0).options.mediation).toBe('optional')
  expect(button(WITH).getAttribute('aria-busy')).toBe('true')
  await act(async () => question(0).answer('mine'))
  await painted(() => expect(text()).toContain('the nodes'))
  expect(ended()).toEqual([{ state: 's1', credential: { id: 'mine' } }])
})

it('a first password is changed before anything else', async () => {
  browser(false)
  await open()
  answer = [200, { user: { username: 'mira', must_change_password: true } }]
  await press()
  await asked(1)
  await act(async () => question(0).answer('mine'))
  await painted(() => expect(text()).toContain('first one'))
})

it('the name field offers passkeys without a press, and the button takes that question over', async () => {
  browser(true)
  await open()
  expect((document.querySelector('input') as HTMLInputElement).autocomplete).toBe('username webauthn')
  await asked(1)
  expect(question(0).options.mediation).toBe('conditional')
  await press()
  await asked(2)
  expect(question(0).options.signal?.aborted).toBe(true)
  expect(question(1).options.mediation).toBe('optional')
  // The offer is good still: no other one was fetched.
  expect(offers).toBe(1)
  await act(async () => question(1).refuse(new DOMException('', 'NotAllowedError')))
  await asked(3)
  expect(question(2).options.mediation).toBe('conditional')
  await act(async () => question(2).answer('from the list'))
  await painted(() => expect(text()).toContain('the nodes'))
  expect(ended()).toEqual([{ state: 's1', credential: { id: 'from the list' } }])
})

it('who closes the browser’s question reads nothing, and has the button back', async () => {
  browser(false)
  await open()
  await press()
  await asked(1)
  await act(async () => question(0).refuse(new DOMException('', 'NotAllowedError')))
  await painted(() => expect(button(WITH).getAttribute('aria-busy')).toBeNull())
  expect(alert()).toBeUndefined()
  expect(ended()).toEqual([])
})

it('a passkey that the panel does not know is said so, and the next try has another offer', async () => {
  browser(false)
  await open()
  answer = [401, { code: 'bad_passkey' }]
  await press()
  await asked(1)
  await act(async () => question(0).answer('old'))
  await painted(() => expect(alert()).toContain('does not know this passkey'))
  await press()
  await asked(2)
  expect(alert()).toBeUndefined()
  answer = IN
  await act(async () => question(1).answer('mine'))
  await painted(() => expect(text()).toContain('the nodes'))
  expect(ended().at(-1)).toEqual({ state: 's2', credential: { id: 'mine' } })
})

it('a suspended account is told so with the reason, once', async () => {
  browser(false)
  await open()
  answer = [403, { code: 'account_suspended', detail: 'this account is suspended: unpaid' }]
  await press()
  await asked(1)
  await act(async () => question(0).answer('mine'))
  await painted(() => expect(alert()).toContain('This account is suspended: unpaid'))
  expect(document.querySelectorAll('[role=alert]')).toHaveLength(1)
})

it('an offer that grew old is fetched anew', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
  browser(true)
  await open()
  await asked(1)
  await act(async () => vi.advanceTimersByTime(3.9 * 60_000))
  expect(offers).toBe(1)
  await act(async () => vi.advanceTimersByTime(30_000))
  await asked(2)
  expect(question(0).options.signal?.aborted).toBe(true)
  expect(offers).toBe(2)
  await act(async () => question(1).answer('mine'))
  await painted(() => expect(ended()).toEqual([{ state: 's2', credential: { id: 'mine' } }]))
})

it('leaving the page closes the browser’s question', async () => {
  browser(true)
  await open()
  await asked(1)
  await act(async () => root.render(null))
  expect(question(0).options.signal?.aborted).toBe(true)
})

it('where passkeys can’t work there is no button for them', async () => {
  browser(true, '192.0.2.7')
  await open()
  expect(button(WITH)).toBeUndefined()
  expect(calls).toEqual([])
})
