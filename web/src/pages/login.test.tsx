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
import { passwordSet } from '~/stores/password-set'
import { turnedAway } from '~/stores/turned-away'
import { LoginPage } from './login'

type Answer = [status: number, body: object, headers?: Record<string, string>]

const NEEDED: Answer = [401, { code: 'second_factor_needed' }]
const IN: Answer = [200, { user: { username: 'mira', must_change_password: false } }]

let root: Root
let asked: unknown[] = []
let answers: Answer[] = []

const painted = (check: () => void) => act(() => vi.waitFor(check))
const field = (label: string) => {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent === label)
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement
}
const button = (name: string) =>
  [...document.querySelectorAll('button')].find((each) => each.textContent === name) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
async function type(label: string, text: string) {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field(label), text)
    field(label).dispatchEvent(new Event('input', { bubbles: true }))
  })
}
async function submit(...next: Answer[]) {
  answers = next
  const before = asked.length
  await act(async () => document.querySelector('form')?.requestSubmit())
  await painted(() => expect(asked.length).toBe(before + 1))
}
async function asksForCode() {
  await type('E-mail or user name', 'mira')
  await type('Password', 'a long story')
  await submit(NEEDED)
  await painted(() => expect(field('Code')).toBeTruthy())
}

beforeEach(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  vi.stubGlobal('fetch', async (request: Request) => {
    if (request.method === 'GET') return Response.json({ items: [], next: null })
    asked.push(JSON.parse(await request.text()))
    const [status, body, headers] = answers.shift() ?? IN
    return new Response(JSON.stringify(body), {
      status,
      headers: { 'content-type': 'application/json', ...headers },
    })
  })
  turnedAway.forget()
  passwordSet.forget()
  await open()
})
async function open() {
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
  const top = createRootRoute()
  const login = createRoute({ getParentRoute: () => top, path: '/login', component: LoginPage })
  const forgot = createRoute({ getParentRoute: () => top, path: '/forgot-password', component: () => null })
  const home = createRoute({ getParentRoute: () => top, path: '/', component: () => 'signed in' })
  const router = createRouter({
    routeTree: top.addChildren([login, forgot, home]),
    history: createMemoryHistory({ initialEntries: ['/login'] }),
  })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>,
    ),
  )
  await painted(() => expect(field('Password')).toBeTruthy())
}
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('a second step asks for the code, and sends name and password again with it', async () => {
  await asksForCode()
  expect(document.activeElement).toBe(field('Code'))
  expect(field('Code').inputMode).toBe('numeric')
  expect(field('Code').autocomplete).toBe('one-time-code')
  await type('Code', '123 456')
  await submit(IN)
  expect(asked).toEqual([
    { login: 'mira', password: 'a long story' },
    { login: 'mira', password: 'a long story', code: '123456' },
  ])
  await painted(() => expect(document.body.textContent).toContain('signed in'))
})

it('a wrong code is said beside its field, and the next one is typed into an empty one', async () => {
  await asksForCode()
  await type('Code', '123456')
  await submit([401, { code: 'bad_code' }])
  await painted(() => expect(field('Code').getAttribute('aria-invalid')).toBe('true'))
  expect(document.querySelector('[role=alert]')?.textContent).toContain('not the code of this moment')
  expect(field('Code').value).toBe('')
})

it('too many codes are answered with the time to wait', async () => {
  await asksForCode()
  await type('Code', '123456')
  await submit([429, { code: 'too_many_attempts' }, { 'retry-after': '840' }])
  await painted(() =>
    expect(document.querySelector('[role=alert]')?.textContent).toBe(
      'Too many attempts. Try again in 14 min.',
    ),
  )
})

it('a recovery code is typed as it was written down', async () => {
  await asksForCode()
  await press('Use a recovery code')
  expect(document.activeElement).toBe(field('Recovery code'))
  await type('Recovery code', ' kf7m-2wq2-p9xh-c4t2 ')
  await submit(IN)
  expect(asked[1]).toEqual({ login: 'mira', password: 'a long story', code: 'kf7m-2wq2-p9xh-c4t2' })
})

it('back leads to the name and password that were typed', async () => {
  await asksForCode()
  await type('Code', '123456')
  await press('Back')
  expect(field('E-mail or user name').value).toBe('mira')
  expect(field('Password').value).toBe('a long story')
  await submit(IN)
  expect(asked[1]).toEqual({ login: 'mira', password: 'a long story' })
})

it('a password that has changed meanwhile is asked for again', async () => {
  await asksForCode()
  await type('Code', '123456')
  await submit([401, { code: 'bad_credentials' }])
  await painted(() => expect(field('Password').getAttribute('aria-invalid')).toBe('true'))
})

const said = () => document.querySelector('[role=alert]')?.textContent ?? ''
const SUSPENDED: Answer = [
  403,
  { code: 'account_suspended', detail: 'this account is suspended: <b>unpaid</b>\u202e\nsince October' },
]

it('a suspended account is told so with the reason, as text, and not as a wrong password', async () => {
  await type('E-mail or user name', 'mira')
  await type('Password', 'a long story')
  await submit(SUSPENDED)
  await painted(() => expect(said()).toContain('This account is suspended'))
  expect(said()).toContain('<b>unpaid</b>\\u{202e}\nsince October')
  expect(document.querySelector('[role=alert] b')).toBeNull()
  expect(field('Password').getAttribute('aria-invalid')).toBeNull()
  await submit([401, { code: 'bad_credentials' }])
  await painted(() => expect(field('Password').getAttribute('aria-invalid')).toBe('true'))
  expect(document.body.textContent).not.toContain('suspended')
})

it('an account that is suspended between password and code is told so where it began', async () => {
  await asksForCode()
  await type('Code', '123456')
  await submit(SUSPENDED)
  await painted(() => expect(said()).toContain('This account is suspended'))
  expect(field('Password').value).toBe('a long story')
})

it('who was turned away from an open page reads why, until they sign in', async () => {
  await act(async () => root.unmount())
  turnedAway.note('This account is suspended: unpaid')
  await open()
  expect(said()).toContain('This account is suspended: unpaid')
  await type('E-mail or user name', 'mira')
  await type('Password', 'a long story')
  await submit(IN)
  await painted(() => expect(document.body.textContent).toContain('signed in'))
  expect(turnedAway.why()).toBeUndefined()
})

it('who has set a password by a link reads so and hears it at the first field, until they try it', async () => {
  await act(async () => root.unmount())
  passwordSet.note()
  await open()
  const status = document.querySelector('[role=status]')
  expect(status?.textContent).toBe('Your password is set. Sign in with it.')
  expect(field('E-mail or user name').getAttribute('aria-describedby')).toBe(status?.id)
  await type('E-mail or user name', 'mira')
  await type('Password', 'a long story')
  await submit([401, { code: 'bad_credentials' }])
  await painted(() => expect(document.querySelector('[role=status]')).toBeNull())
  expect(passwordSet.is()).toBe(false)
})
