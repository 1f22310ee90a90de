import { QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys, queryClient } from '~/api/queries'
import type { Permissions } from '~/api/types'
import { ApiKeyDialog } from './api-key-create'

const PERMISSIONS: Permissions = {
  keys: [
    { key: 'server.read', set: 'server', description: 'See the server.' },
    { key: 'control.start', set: 'server', description: 'Start it.' },
    { key: 'audit.read', set: 'admin', description: 'See all that was done.' },
  ],
  presets: [{ name: 'operator', description: 'Starts', keys: ['server.read', 'control.start'] }],
}

let root: Root
let asked: Array<Record<string, unknown>> = []
let answer: () => Response

const json = (body: object, status = 201) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
const painted = (check: () => void) => act(() => vi.waitFor(check))
const button = (name: string) =>
  [...document.querySelectorAll('button')].find((each) => each.textContent?.startsWith(name)) as HTMLElement
const press = (name: string) => act(async () => button(name).click())
function field(label: string) {
  const found = [...document.querySelectorAll('label')].find((each) => each.textContent === label)
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement | HTMLTextAreaElement
}
async function type(label: string, text: string) {
  const box = field(label)
  const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(box), 'value')?.set
  await act(async () => {
    set?.call(box, text)
    box.dispatchEvent(new Event('input', { bubbles: true }))
  })
}
const said = () => [...document.querySelectorAll('[role=alert]')].map((each) => each.textContent ?? '')

beforeEach(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  answer = () => json({ key: {}, secret: 'wrn_usr_secret' })
  queryClient.setQueryData(keys.permissions, PERMISSIONS)
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push(JSON.parse(await request.text()))
    return answer()
  })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <ApiKeyDialog open onClose={() => undefined} />
      </QueryClientProvider>,
    ),
  )
  await type('Name', 'CI')
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
  queryClient.clear()
})

it('a key for everything names neither permissions nor addresses nor a rate', async () => {
  await press('Make the key')
  await painted(() => expect(document.body.textContent).toContain('wrn_usr_secret'))
  expect(Object.keys(asked[0] ?? {}).sort()).toEqual(['expires_at', 'name'])
})

it('a key for some permissions needs at least one, and a preset chooses several', async () => {
  await press('Some permissions')
  expect(button('Make the key').title).toBe('Choose at least one permission')
  await press('Make the key')
  expect(asked).toEqual([])
  await press('Operator')
  expect(document.body.textContent).toContain('2 of 3 chosen')
  await type('Only from', ' 192.0.2.7,\n2001:db8::/32 ')
  await type('Requests a minute', '60')
  await press('Make the key')
  await painted(() => expect(asked).toHaveLength(1))
  expect(asked[0]).toMatchObject({
    name: 'CI',
    keys: ['server.read', 'control.start'],
    addresses: ['192.0.2.7', '2001:db8::/32'],
    requests_per_minute: 60,
  })
})

it('what was chosen before everything was is not sent', async () => {
  await press('Some permissions')
  await press('Operator')
  await press('Everything I may do')
  await press('Make the key')
  await painted(() => expect(asked).toHaveLength(1))
  expect(asked[0]).not.toHaveProperty('keys')
})

it('a rate that can not be is said before it is sent', async () => {
  await type('Requests a minute', '3001')
  expect(said()).toHaveLength(1)
  expect(field('Requests a minute').getAttribute('aria-invalid')).toBe('true')
  await press('Make the key')
  expect(asked).toEqual([])
})

it('a wrong address is named with its line, as text, and selected to be typed anew', async () => {
  const message = 'is no address or network'
  answer = () => json({ code: 'invalid', errors: [{ field: 'addresses.1', code: 'invalid', message }] }, 422)
  await type('Only from', '192.0.2.7\n\n<b>x</b>\u202e')
  await press('Make the key')
  await painted(() => expect(said()).toEqual(['Line 3, <b>x</b>\\u{202e}: is no address or network']))
  const box = field('Only from') as HTMLTextAreaElement
  expect(document.activeElement).toBe(box)
  expect(box.value.slice(box.selectionStart, box.selectionEnd)).toBe('<b>x</b>\u202e')
  await type('Only from', '192.0.2.7')
  expect(said()).toEqual([])
})

it('what no field can show is said for the whole', async () => {
  answer = () => json({ code: 'too_many_keys', detail: 'you have 100 keys; revoke some' }, 409)
  await press('Make the key')
  await painted(() => expect(said()).toEqual(['You have 100 keys; revoke some']))
})
