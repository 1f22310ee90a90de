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
import { passwordSet } from '~/stores/password-set'
import { SetPasswordPage } from './set-password'

const TOKEN = 'Zq3vW8'

let root: Root
let asked: unknown[] = []
let answer: () => Response

const refusal = (status: number, body: object, headers = {}) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })
const painted = (check: () => void) => act(() => vi.waitFor(check))
const fields = () => [...document.querySelectorAll('input')]
const said = () => [...document.querySelectorAll('[role=alert]')].map((each) => each.textContent)
const links = () => [...document.querySelectorAll('a')].map((each) => each.getAttribute('href'))
async function choose(...texts: string[]) {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  for (const [n, text] of texts.entries())
    await act(async () => {
      set?.call(fields()[n], text)
      fields()[n]?.dispatchEvent(new Event('input', { bubbles: true }))
    })
  await act(async () => document.querySelector('form')?.requestSubmit())
}
async function open(hash: string) {
  history.replaceState(null, '', `/set-password${hash}`)
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
  const top = createRootRoute()
  const page = (path: string, component: () => React.ReactNode) =>
    createRoute({ getParentRoute: () => top, path, component })
  const router = createRouter({
    routeTree: top.addChildren([
      page('/set-password', SetPasswordPage),
      page('/forgot-password', () => null),
      page('/login', () => 'the door'),
    ]),
    history: createMemoryHistory({ initialEntries: ['/set-password'] }),
  })
  await act(async () => root.render(<RouterProvider router={router as never} />))
  await painted(() => expect(document.querySelector('h1')).toBeTruthy())
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  answer = () => new Response(null, { status: 204 })
  passwordSet.forget()
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push([request.method, new URL(request.url).pathname, JSON.parse(await request.text())])
    return answer()
  })
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('the token leaves the address before anything is typed, and goes into the request alone', async () => {
  await open(`#token=${TOKEN}`)
  expect(location.href).not.toContain(TOKEN)
  expect(location.hash).toBe('')
  expect(document.documentElement.outerHTML).not.toContain(TOKEN)
  await choose('a long story', 'a long story')
  expect(asked).toEqual([['PUT', '/api/v1/password-links', { token: TOKEN, new_password: 'a long story' }]])
  await painted(() => expect(document.body.textContent).toBe('the door'))
  expect(passwordSet.is()).toBe(true)
})

it('a link that is opened over the page takes the place of the one before', async () => {
  await open('#token=first')
  await choose('a long', 'a long')
  await act(async () => {
    history.replaceState(null, '', '#token=second')
    window.dispatchEvent(new Event('hashchange'))
  })
  expect(location.hash).toBe('')
  expect(fields()[0]?.value).toBe('')
  await choose('a long story', 'a long story')
  expect(asked).toEqual([
    ['PUT', '/api/v1/password-links', { token: 'second', new_password: 'a long story' }],
  ])
})

it('what is too short or not the same is said at its field and not sent', async () => {
  await open(`#token=${TOKEN}`)
  await choose('short', 'other')
  await painted(() => expect(said()).toEqual(['At least 10 characters', 'This is not the same']))
  expect(asked).toEqual([])
})

it('what the panel has against a password is said at its field, and another one can be tried', async () => {
  await open(`#token=${TOKEN}`)
  const message = 'is <b>too</b> common'
  answer = () => refusal(422, { code: 'invalid', errors: [{ field: 'new_password', code: 'x', message }] })
  await choose('0123456789', '0123456789')
  await painted(() => expect(said()).toEqual(['Is <b>too</b> common']))
  answer = () => new Response(null, { status: 204 })
  await choose('a long story', 'a long story')
  await painted(() => expect(document.body.textContent).toBe('the door'))
})

it('a link that is good no longer leads to where one asks for another', async () => {
  await open(`#token=${TOKEN}`)
  const errors = [{ field: 'token', code: 'unknown', message: 'this link was used' }]
  answer = () => refusal(422, { code: 'invalid', errors })
  await choose('a long story', 'a long story')
  await painted(() => expect(document.querySelector('h1')?.textContent).toBe('This link works no more'))
  expect(links()).toContain('/forgot-password')
  expect(document.activeElement).toBe(document.querySelector('[role=alert]'))
  expect(passwordSet.is()).toBe(false)
})

it.each(['', '#', '#token=', '#top'])(
  'an address that ends in "%s" holds no link, and says so',
  async (hash) => {
    await open(hash)
    expect(document.querySelector('h1')?.textContent).toBe('The link is missing')
    expect(links()).toContain('/forgot-password')
    expect(fields()).toEqual([])
  },
)

it('too many tries say how long to wait, and keep what was typed', async () => {
  await open(`#token=${TOKEN}`)
  answer = () => refusal(429, { code: 'too_many_attempts' }, { 'retry-after': '60' })
  await choose('a long story', 'a long story')
  await painted(() => expect(said()).toEqual(['Too many attempts. Try again in 1 min.']))
  expect(fields()[0]?.value).toBe('a long story')
})
