import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys } from '~/api/queries'
import type { Person } from '~/api/types'
import { signedIn } from '~/mock-api/session'
import { PersonDanger } from './person-danger'

const ANN: Person = {
  id: 'u1',
  version: '1',
  username: 'ann',
  email: 'ann@example.net',
  admin: false,
  servers: 0,
  roles: [],
  must_change_password: false,
  second_factor: false,

  suspended: null,
  last_seen_at: null,
  created_at: '2026-11-01T00:00:00Z',
}

let root: Root
let asked: Array<{ call: string; body?: { admin?: boolean; reason?: string } }> = []

const MAY = ['person.read', 'person.update', 'person.delete', 'person.suspend']

async function show(person: Person, me: { id: string; admin: boolean }, may = MAY) {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } })
  client.setQueryData(keys.session, signedIn({ user: me, permissions: may }))
  const rootRoute = createRootRoute({ component: () => <PersonDanger person={person} off={false} /> })
  const router = createRouter({ routeTree: rootRoute, history: createMemoryHistory() })
  await act(async () =>
    root.render(
      <QueryClientProvider client={client}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>,
    ),
  )
  await painted(() => expect(button('Reset')).toBeTruthy())
}
const painted = (check: () => void) => act(() => vi.waitFor(check))
const buttons = (name: string) =>
  [...document.querySelectorAll('button')].filter((each) => each.textContent === name)
const button = (name: string) => buttons(name).at(-1) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
const adminSwitch = () => document.querySelector('[role=switch]') as HTMLInputElement

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  vi.stubGlobal('fetch', async (request: Request) => {
    const call = `${request.method} ${new URL(request.url).pathname}`
    const text = await request.text()
    asked.push(text ? { call, body: JSON.parse(text) } : { call })
    const answer = call.startsWith('POST') ? { password: 'made-by-the-panel' } : ANN
    return new Response(JSON.stringify(answer), {
      status: 200,
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

it('the password that is shown after a reset is the one that the panel made', async () => {
  await show(ANN, { id: 'me', admin: true })
  await press('Reset')
  await press('Reset')
  await painted(() => expect(document.querySelector('[aria-label=Password]')).toBeTruthy())
  expect(asked).toEqual([{ call: 'POST /api/v1/users/u1/password' }])
  expect(document.querySelector('[aria-label=Password]')?.textContent).toBe('made-by-the-panel')
})

it('an admin is made only after being asked once more', async () => {
  await show(ANN, { id: 'me', admin: true })
  await act(async () => adminSwitch().click())
  expect(asked).toEqual([])
  await press('Make an admin')
  await painted(() => expect(asked).toEqual([{ call: 'PATCH /api/v1/users/u1', body: { admin: true } }]))
})

it('one’s own account is neither unmade an admin nor removed nor reset here', async () => {
  await show({ ...ANN, admin: true }, { id: ANN.id, admin: true })
  expect(adminSwitch().disabled).toBe(true)
  expect(button('Reset').getAttribute('aria-disabled')).toBe('true')
  expect(button('Remove').title).toBe('Nobody removes the account that they are using')
})

it('who is no admin makes none', async () => {
  await show(ANN, { id: 'me', admin: false })
  expect(adminSwitch().disabled).toBe(true)
  expect(document.body.textContent).toContain('Only an admin makes admins')
})

it('an account that owns servers is not removed, and says how many', async () => {
  await show({ ...ANN, servers: 2 }, { id: 'me', admin: true })
  expect(button('Remove').title).toBe('Owns 2 servers; delete them first, or give them to others')
})

it('two-step sign-in is taken from somebody else after being asked once more', async () => {
  await show({ ...ANN, second_factor: true }, { id: 'me', admin: true })
  await press('Turn off')
  expect(asked).toEqual([])
  await press('Turn off')
  await painted(() => expect(asked).toEqual([{ call: 'DELETE /api/v1/users/u1/second-factor' }]))
})

it('two-step sign-in is not taken from who has none', async () => {
  await show(ANN, { id: 'me', admin: true })
  expect(button('Turn off')).toBeUndefined()
})

it('one’s own two-step sign-in is not turned off here', async () => {
  await show({ ...ANN, second_factor: true }, { id: ANN.id, admin: true })
  expect(button('Turn off').title).toBe('Your own is turned off under Account')
})

const SUSPENDED: Person = { ...ANN, suspended: { since: '2026-11-20T00:00:00Z', reason: 'Unpaid' } }
async function write(text: string) {
  const field = document.querySelector('textarea') as HTMLTextAreaElement
  const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field, text)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
}

it('somebody is suspended with a reason, after being told what it does', async () => {
  await show(ANN, { id: 'me', admin: true })
  await press('Suspend')
  expect(document.body.textContent).toContain('They are told this at a log-in')
  expect(asked).toEqual([])
  await write(' Unpaid since October ')
  await press('Suspend')
  await painted(() =>
    expect(asked).toEqual([
      { call: 'PUT /api/v1/users/u1/suspension', body: { reason: 'Unpaid since October' } },
    ]),
  )
})

it('a reason that is too long is said before it is sent', async () => {
  await show(ANN, { id: 'me', admin: true })
  await press('Suspend')
  await write('🙂'.repeat(512))
  expect(button('Suspend').getAttribute('aria-disabled')).toBeNull()
  await write('🙂'.repeat(513))
  expect(document.querySelector('[role=alert]')?.textContent).toContain('1 character too many')
  await press('Suspend')
  expect(asked).toEqual([])
})

it('who is suspended is let in again, and not suspended twice', async () => {
  await show(SUSPENDED, { id: 'me', admin: true })
  expect(button('Suspend')).toBeUndefined()
  await press('Lift suspension')
  await painted(() => expect(asked).toEqual([{ call: 'DELETE /api/v1/users/u1/suspension' }]))
})

it('a reason that has not changed is not sent again', async () => {
  await show(SUSPENDED, { id: 'me', admin: true })
  await press('Change the reason')
  expect(document.querySelector('textarea')?.value).toBe('Unpaid')
  expect(button('Save').title).toBe('Nothing has changed')
})

it('nobody suspends themselves, and who may not is told so', async () => {
  await show(ANN, { id: ANN.id, admin: true })
  expect(button('Suspend')).toBeUndefined()
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  await show(ANN, { id: 'me', admin: false }, ['person.read', 'person.update'])
  expect(button('Suspend').title).toBe('You may not suspend people')
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  await show({ ...ANN, admin: true }, { id: 'me', admin: false })
  expect(button('Suspend').title).toBe('This is an admin’s account, and you are none')
})
