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
import { keys, queryClient } from '~/api/queries'
import type { FileEntry, Server } from '~/api/types'
import { hold } from '~/files/clipboard'
import { ServerFilesPage } from './server-files'

const EVERY = ['create', 'read', 'read-content', 'update', 'delete', 'archive'].map((word) => `file.${word}`)

const PACKED = {
  format: 'tar.gz',
  items: [{ name: 'world', kind: 'directory', size_bytes: 0 }],
  next: null,
  total: 1,
  entries: 7,
}

let root: Root
let asked: Array<{ call: string; body: unknown }> = []
let refuse: Record<string, [status: number, code: string]> = {}

const entry = (name: string, kind = 'file', size = 10) =>
  ({ name, kind, size_bytes: size, modified_at: '2026-11-01T00:00:00Z', mode: 0o644 }) as FileEntry
const SFTP = {
  host: 'panel.example.net',
  port: 2022,
  username: 'mira.0123abcd',
  username_long: 'mira.s1',
  url: 'sftp://mira.0123abcd@panel.example.net:2022/',
  password: false,
  host_keys: [{ algorithm: 'ssh-ed25519', fingerprint: 'SHA256:Wtl4Lc', public_key: 'ssh-ed25519 AAAA' }],
}
const LIST = [entry('world', 'directory'), entry('a.txt'), entry('b.txt', 'file', 20), entry('c.txt')]

async function open(
  list: FileEntry[],
  { may = EVERY, state = 'stopped', at = '', node = 'online' } = {},
): Promise<ReturnType<typeof createRouter>> {
  queryClient.clear()
  const server = { id: 's1', name: 'game', permissions: may, state, node: { name: 'fra-1', state: node } }
  queryClient.setQueryData(keys.server('s1'), server as unknown as Server)
  vi.stubGlobal('fetch', async (input: Request | string, init?: RequestInit) => {
    const request = new Request(typeof input === 'string' ? new URL(input, 'http://panel') : input, init)
    const url = new URL(request.url)
    const call = `${request.method} ${url.pathname.replace('/api/v1/servers/s1', '')}`
    const text = await request.text()
    const json = request.headers.get('content-type')?.includes('json')
    asked.push({ call, body: json ? JSON.parse(text) : url.searchParams.get('path') })
    const [status, code] = refuse[call] ?? []
    const headers = { 'content-type': 'application/json' }
    if (status)
      return new Response(JSON.stringify({ status, code, title: 'Refused', detail: code }), {
        status,
        headers,
      })
    if (call === 'GET /files') return new Response(JSON.stringify({ items: list, next: null }), { headers })
    if (call.endsWith('/operations')) return new Response('{"items":[],"next":null}', { headers })
    if (call === 'GET /files/archive') return new Response(JSON.stringify(PACKED), { headers })
    if (call === 'GET /sftp') return new Response(JSON.stringify(SFTP), { headers })
    return new Response(null, { status: 204 })
  })
  const top = createRootRoute()
  const app = createRoute({ getParentRoute: () => top, id: 'app' })
  const parent = createRoute({ getParentRoute: () => app, path: '/servers/$server' })
  const page = createRoute({ getParentRoute: () => parent, path: '/files', component: ServerFilesPage })
  const router = createRouter({
    routeTree: top.addChildren([app.addChildren([parent.addChildren([page])])]),
    history: createMemoryHistory({ initialEntries: [`/servers/s1/files${at}`] }),
  })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        {/* biome-ignore lint/suspicious/noExplicitAny: another tree than the app's */}
        <RouterProvider router={router as any} />
      </QueryClientProvider>,
    ),
  )
  return router as unknown as ReturnType<typeof createRouter>
}

const text = () => document.body.textContent ?? ''
const painted = (check: () => void) => act(() => vi.waitFor(check, 4000))
/** What comes as code of its own is drawn only between two acts. */
const loaded = (check: () => void) =>
  vi.waitFor(
    async () => {
      await act(() => new Promise<void>((done) => setTimeout(done, 20)))
      check()
    },
    { timeout: 15_000 },
  )
const rows = () => [...document.querySelectorAll<HTMLElement>('[data-name]')].map((row) => row.dataset.name)
const chosen = () =>
  [...document.querySelectorAll<HTMLElement>('[aria-selected="true"]')].map((row) => row.dataset.name)
const button = (name: string) =>
  [...document.querySelectorAll('button')].find(
    (each) => (each.getAttribute('aria-label') ?? each.textContent) === name,
  ) as HTMLButtonElement
const press = (key: string, more: KeyboardEventInit = {}) =>
  act(async () =>
    document
      .querySelector('[role="grid"]')
      ?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more })),
  )
const click = (name: string, more: MouseEventInit = {}) =>
  act(async () =>
    document
      .querySelector(`[data-name="${name}"]`)
      ?.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ...more })),
  )

beforeEach(() => {
  asked = []
  refuse = {}
  hold(undefined)
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  document.body.innerHTML = '<main></main>'
  root = createRoot(document.querySelector('main') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('lists folders first and goes into one by keyboard, and up again to where one was', async () => {
  const router = await open(LIST)
  await painted(() => expect(rows()).toEqual(['world', 'a.txt', 'b.txt', 'c.txt']))
  await press('ArrowDown')
  await press('Enter')
  expect(router.state.location.search).toEqual({ path: '/world' })
  await press('Backspace')
  expect(router.state.location.search).toEqual({})
  await painted(() =>
    expect(document.querySelector('[role="grid"]')?.getAttribute('aria-activedescendant')).toMatch(/-0$/),
  )
})

it('selects by click, with Shift and Ctrl, by keys and everything', async () => {
  await open(LIST)
  await painted(() => expect(rows()).toHaveLength(4))
  await click('a.txt')
  await click('c.txt', { shiftKey: true })
  expect(chosen()).toEqual(['a.txt', 'b.txt', 'c.txt'])
  await click('b.txt', { ctrlKey: true })
  expect(chosen()).toEqual(['a.txt', 'c.txt'])
  await press('a', { ctrlKey: true })
  expect(chosen()).toHaveLength(4)
  expect(text()).toContain('4 selected')
  await press('Escape')
  expect(chosen()).toEqual([])
})

it('cuts here and pastes there, and says what was refused', async () => {
  await open(LIST)
  await painted(() => expect(rows()).toHaveLength(4))
  await click('a.txt')
  await press('x', { ctrlKey: true })
  await click('world')
  await press('Enter')
  await press('v', { ctrlKey: true })
  await painted(() =>
    expect(asked.find(({ call }) => call === 'POST /files/rename')?.body).toEqual({
      from: '/a.txt',
      to: '/world/a.txt',
    }),
  )
})

it('renames in place, up to the ending, and keeps the field when the name is taken', async () => {
  refuse['POST /files/rename'] = [409, 'file_exists']
  await open(LIST)
  await painted(() => expect(rows()).toHaveLength(4))
  await click('a.txt')
  await press('F2')
  const field = document.querySelector<HTMLInputElement>(
    '[aria-label="New name of a.txt"]',
  ) as HTMLInputElement
  expect([field.selectionStart, field.selectionEnd]).toEqual([0, 1])
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field, 'b.txt')
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await act(async () => field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true })))
  await painted(() => expect(asked.some(({ call }) => call === 'POST /files/rename')).toBe(true))
  expect(document.querySelector('[aria-label="New name of a.txt"]')).not.toBeNull()
})

it('says why what one may not do is off', async () => {
  await open(LIST, { may: ['file.read'] })
  await painted(() => expect(rows()).toHaveLength(4))
  await click('a.txt')
  expect(button('Delete').title).toBe('You may not delete files')
  expect(button('Move to …').title).toBe('You may not change files')
  await press('Delete')
  expect(document.querySelector('[role="dialog"]')).toBeNull()
  expect(asked.every(({ call }) => call === 'GET /files' || call.endsWith('/operations'))).toBe(true)
})

it('changes nothing while the installer is at work', async () => {
  await open(LIST, { state: 'installing' })
  await painted(() => expect(rows()).toHaveLength(4))
  expect(button('Upload').title).toBe('The installer is at work on these files')
})

it('says what to do where a folder is gone, or its node is away', async () => {
  refuse['GET /files'] = [404, 'file_not_found']
  await open([], { at: '?path=/old' })
  await painted(() => expect(text()).toContain('/old is not there'))
  expect(button('To the server’s files')).toBeDefined()
})

it('tells an empty folder from a filter that finds nothing', async () => {
  await open([])
  await painted(() => expect(text()).toContain('No files yet'))
})

it('packs what is selected under a name and a format, and follows it until it is there', async () => {
  await open([entry('world', 'directory'), entry('a.txt')])
  await painted(() => expect(rows()).toHaveLength(2))
  await click('world')
  await act(async () =>
    document
      .querySelector('[data-name="world"]')
      ?.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true })),
  )
  await painted(() => expect(text()).toContain('Compress …'))
  const item = [...document.querySelectorAll('[role="menuitem"]')]
  expect(item.some((each) => each.textContent?.includes('Extract'))).toBe(false)
  await act(async () => (item.find((each) => each.textContent === 'Compress …') as HTMLElement).click())
  await painted(() => expect(document.querySelector('form select')).not.toBeNull())
  await act(async () => (document.querySelector('form') as HTMLFormElement).requestSubmit())
  await painted(() =>
    expect(asked.find(({ call }) => call === 'POST /files/archive')?.body).toEqual({
      paths: ['/world'],
      format: 'zip',
      to: '/world.zip',
    }),
  )
})

it('opens an archive like a folder, and unpacks it with nothing replaced', async () => {
  const router = await open([entry('map.tar.gz')])
  await painted(() => expect(rows()).toHaveLength(1))
  await press('ArrowDown')
  await press('Enter')
  expect(router.state.location.search).toEqual({ view: 'archive', path: '/map.tar.gz' })
  await loaded(() => expect(text()).toContain('1 entry here, 7 in the archive (tar.gz)'))
  await act(async () => button('Extract everything').click())
  await loaded(() => expect(document.querySelector('form select')).not.toBeNull())
  await act(async () => (document.querySelector('form') as HTMLFormElement).requestSubmit())
  await painted(() =>
    expect(asked.find(({ call }) => call === 'POST /files/extract')?.body).toEqual({
      archive: '/map.tar.gz',
      to: '/',
      existing: 'refuse',
      only: [],
    }),
  )
}, 20_000)

it('shows beside the files how SFTP reaches them, to who may', async () => {
  await open(LIST, { may: [...EVERY, 'file.sftp'] })
  await painted(() => expect(rows()).toHaveLength(4))
  await act(async () => button('SFTP').click())
  await loaded(() => expect(text()).toContain('sftp://mira.0123abcd@panel.example.net:2022/'))
  expect(text()).toContain('SHA256:Wtl4Lc')
  expect(text()).toContain('takes a second step, which SFTP can’t ask for')
  expect(button('Copy: User name')).toBeDefined()
})

it('offers no SFTP to who may not', async () => {
  await open(LIST)
  await painted(() => expect(rows()).toHaveLength(4))
  expect(button('SFTP')).toBeUndefined()
})
