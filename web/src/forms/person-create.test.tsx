import { QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys, queryClient } from '~/api/queries'
import { signedIn } from '~/mock-api/session'
import { PersonDialog } from './person-create'

let root: Root
let asked: Array<Record<string, unknown>> = []
let answer: () => Response

const json = (status: number, body: object) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
const made = (password: string | null, email = 'ann@example.net') =>
  json(201, { user: { id: '01ANN', username: 'ann', email }, password })
const painted = (check: () => void) => act(() => vi.waitFor(check))
const dialog = () => document.querySelector('[role=dialog]')
const button = (name: string) =>
  [...document.querySelectorAll('button')].find((each) => each.textContent === name) as HTMLElement
const press = (name: string) => act(async () => button(name).click())
function field(label: string) {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent === label)
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement
}
async function type(label: string, text: string) {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field(label), text)
    field(label).dispatchEvent(new Event('input', { bubbles: true }))
  })
}

beforeEach(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  queryClient.setQueryData(keys.session, signedIn({ user: { id: '01MIRA' }, permissions: ['person.create'] }))
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push(JSON.parse(await request.text()))
    return answer()
  })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <PersonDialog open onClose={() => undefined} />
      </QueryClientProvider>,
    ),
  )
  await type('User name', 'ann')
  await type('E-mail', 'ann@example.net')
})
afterEach(async () => {
  await act(async () => root.unmount())
  queryClient.clear()
  vi.unstubAllGlobals()
})

it('a first password is shown where nothing else was chosen', async () => {
  answer = () => made('kT4vQm9ZrB2nXc7LpD1s')
  await press('Make the account')
  await painted(() => expect(dialog()?.textContent).toContain('kT4vQm9ZrB2nXc7LpD1s'))
  expect(asked).toEqual([{ username: 'ann', email: 'ann@example.net', admin: false, invite: false }])
})

it('an invitation says where it was sent, as text, and shows no password', async () => {
  answer = () => made(null, 'ann@\u202e<b>x</b>.example.net')
  await press('Invite by mail')
  await press('Send the invitation')
  await painted(() =>
    expect(document.querySelector('[role=status]')?.textContent).toBe(
      'An invitation was sent to ann@\\u{202e}<b>x</b>.example.net',
    ),
  )
  expect(asked).toEqual([{ username: 'ann', email: 'ann@example.net', admin: false, invite: true }])
  expect(dialog()?.querySelector('b')).toBeNull()
  expect(dialog()?.textContent).not.toContain('shown once')
})

it('a panel without mail names the key to set, until the other way is chosen', async () => {
  answer = () => json(409, { code: 'mail_off', detail: 'this panel sends no mail' })
  await press('Invite by mail')
  await press('Send the invitation')
  const alert = () => document.querySelector('[role=alert]')?.textContent
  await painted(() => expect(alert()).toContain('mail.url'))
  expect(alert()).toContain('docs/mail.md')
  await press('Show me a first password')
  expect(alert()).toBeUndefined()
  expect(field('E-mail').value).toBe('ann@example.net')
})
