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
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { keys, queryClient } from '~/api/queries'
import type { Backup, BackupList, Server } from '~/api/types'
import { Toaster } from '~/ui/toaster'
import { ServerBackupsPage } from './server-backups'

const EVERY = [
  ...['read', 'create', 'delete', 'restore', 'download'].map((word) => `backup.${word}`),
  'control.console',
  'control.start',
]
const DIRECTORY = { id: 'k1', name: 'On the nodes', kind: 'directory' } as const
const S3 = { id: 'k2', name: 'Archive', kind: 's3' } as const
const ROW: Backup = {
  id: 'b1',
  name: 'the castle',
  state: 'done',
  store: { id: 'k1', name: 'On the nodes' },
  total_bytes: 4 * 1024 ** 3,
  added_bytes: 64 * 1024 ** 2,
  files: 1957,
  skipped: 0,
  warnings: [],
  locked: false,
  code: null,
  message: null,
  operation: null,
  created_at: '2026-11-01T00:00:00Z',
  completed_at: '2026-11-01T00:01:00Z',
}
const LIST: BackupList = {
  items: [ROW],
  used: 1,
  limit: 5,
  bytes: 2 * 1024 ** 3,
  stores: [DIRECTORY],
  restore: null,
}
const SETTINGS = {
  version: '1',
  store: null,
  ignore: ['logs/'],
  retention: {},
  hooks: { before: [], after: [], ready: '', wait_s: 0 },
}
const OTHERS = [
  { id: 's1', name: 'game', node: { id: 'n1', name: 'fra-1', state: 'online' } },
  { id: 's2', name: 'twin', node: { id: 'n1', name: 'fra-1', state: 'online' } },
  { id: 's3', name: 'far', node: { id: 'n2', name: 'hel-1', state: 'online' } },
]

let root: Root
let asked: Array<{ call: string; body: unknown; match: string | null }> = []
let answers: Record<string, unknown> = {}
let refuse: Record<string, [status: number, wire: object]> = {}

async function open(
  list: Partial<BackupList> = {},
  {
    may = EVERY,
    ...more
  }: {
    may?: string[]
    suspended?: boolean
    usage?: object
    owner?: string
    state?: string
    egg?: object
  } = {},
) {
  answers['GET /servers/s1/backups'] = { ...LIST, ...list }
  queryClient.clear()
  const node = { id: 'n1', name: 'fra-1', state: 'online' }
  const owner = { id: more.owner ?? 'u2', name: 'mira' }
  const server = {
    id: 's1',
    name: 'game',
    permissions: may,
    state: 'stopped',
    suspended: false,
    node,
    egg: { id: 'e1', name: 'Minecraft Paper' },
    ...more,
    owner,
  }
  queryClient.setQueryData(keys.server('s1'), server as unknown as Server)
  queryClient.setQueryData(keys.session, {
    user: { id: 'u1', has_password: true },
    permissions: ['backup_store.read'],
    permissions_on_nodes: [],
  })
  const top = createRootRoute()
  const app = createRoute({ getParentRoute: () => top, id: 'app' })
  const parent = createRoute({ getParentRoute: () => app, path: '/servers/$server' })
  const page = createRoute({ getParentRoute: () => parent, path: '/backups', component: ServerBackupsPage })
  const router = createRouter({
    routeTree: top.addChildren([app.addChildren([parent.addChildren([page])])]),
    history: createMemoryHistory({ initialEntries: ['/servers/s1/backups'] }),
  })
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        {/* biome-ignore lint/suspicious/noExplicitAny: another tree than the app's */}
        <RouterProvider router={router as any} />
        <Toaster />
      </QueryClientProvider>,
    ),
  )
}

const text = () => document.body.textContent ?? ''
const painted = (check: () => void) => act(() => vi.waitFor(check, 4000))
const named = (element: Element) => element.getAttribute('aria-label') ?? element.textContent
const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)]
const button = (name: string) => all('button').find((each) => named(each) === name) as HTMLButtonElement
const press = (name: string) => act(async () => button(name).click())
/** Menus open on a press of the pointer, and the entry is chosen by a click. */
async function choose(menu: string, entry: string) {
  await act(async () =>
    button(menu).dispatchEvent(new MouseEvent('pointerdown', { bubbles: true, cancelable: true, button: 0 })),
  )
  const item = all('[role="menuitem"]').find((each) => each.textContent === entry)
  if (!item) throw new Error(`no ${entry} in the menu`)
  await act(async () => item.click())
}
function field(label: string): HTMLInputElement {
  const found = all('label').find((each) => each.textContent?.startsWith(label)) as
    | HTMLLabelElement
    | undefined
  return (
    found?.htmlFor ? document.getElementById(found.htmlFor) : found?.querySelector('input')
  ) as HTMLInputElement
}
async function type(into: HTMLInputElement, words: string) {
  const proto =
    into instanceof HTMLTextAreaElement ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype
  await act(async () => {
    Object.getOwnPropertyDescriptor(proto, 'value')?.set?.call(into, words)
    into.dispatchEvent(new Event('input', { bubbles: true }))
  })
}
const check = (label: string) => act(async () => field(label).click())
const sent = (call: string) => asked.filter((each) => each.call === call)
const alerts = () => all('[role="alert"]').map((each) => each.textContent)

// A part of the page that comes when it is wanted: here it does not keep anybody waiting.
beforeAll(async () => void (await import('~/forms/backup-settings')))
beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.setDefaultOptions({ queries: { retry: false, staleTime: 10_000 } })
  asked = []
  refuse = {}
  answers = {
    'GET /servers/s1/backup-settings': SETTINGS,
    'PUT /servers/s1/backup-settings': { ...SETTINGS, version: '2' },
    'POST /servers/s1/backups': { ...ROW, id: 'b2', state: 'running' },
    'PATCH /servers/s1/backups/b1': ROW,
    'DELETE /servers/s1/backups/b1': null,
    'POST /servers/s1/backups/b1/restore': { id: 'o1', kind: 'restore', state: 'pending' },
    'POST /operations/o9/cancel': { id: 'o9' },
    'GET /servers': { items: OTHERS, next: null },
    'GET /account/quota': {
      version: '1',
      own: true,
      plan: null,
      limits: { backups: 10, backup_bytes: 8 * 1024 ** 3 },
      used: { backups: 4, backup_bytes: 2 * 1024 ** 3, servers: 1, ports: 1, subusers: 0, databases: 0 },
    },
    'GET /servers/s1/backups/b1/files?/': {
      items: [
        { name: 'world', kind: 'directory', size_bytes: 0, modified_at: '2026-11-01T00:00:00Z' },
        { name: 'server.properties', kind: 'file', size_bytes: 1204, modified_at: '2026-11-01T00:00:00Z' },
      ],
      next: 'server.properties',
    },
    'GET /servers/s1/backups/b1/files?/&server.properties': {
      items: [{ name: 'whitelist.json', kind: 'file', size_bytes: 12, modified_at: '2026-11-01T00:00:00Z' }],
      next: null,
    },
    'GET /servers/s1/backups/b1/files?/world': {
      items: [{ name: 'level.dat', kind: 'file', size_bytes: 2418, modified_at: '2026-11-01T00:00:00Z' }],
      next: null,
    },
  }
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname, searchParams } = new URL(request.url)
    let call = `${request.method} ${pathname.replace('/api/v1', '')}`
    if (pathname.endsWith('/files')) {
      const after = searchParams.get('after')
      call += `?${searchParams.get('path')}${after ? `&${after}` : ''}`
    }
    const body = await request.text()
    asked.push({ call, body: body ? JSON.parse(body) : undefined, match: request.headers.get('if-match') })
    const [status, wire] = refuse[call] ?? [call in answers ? 200 : 404, answers[call] ?? {}]
    return new Response(JSON.stringify({ status, ...(status >= 400 && { request_id: 'R1' }), ...wire }), {
      status,
      headers: { 'content-type': status >= 400 ? 'application/problem+json' : 'application/json' },
    })
  })
  document.body.innerHTML = '<main></main>'
  root = createRoot(document.querySelector('main') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  queryClient.clear()
  vi.unstubAllGlobals()
})

it('tells size, what was added, and how much room is left', async () => {
  await open()
  await painted(() => expect(text()).toContain('the castle'))
  expect(text()).toContain('4.00 GiB')
  expect(text()).toContain('64.0 MiB added to the store')
  expect(all('[role="img"]').map(named)).toContain('Backups: 1 of 5')
  expect(text()).toContain('2.00 GiB')
  expect(text()).not.toContain('Of your quota')
})

it('shows the owner what of their quota backups take, by number and bytes', async () => {
  await open({}, { owner: 'u1' })
  await painted(() => expect(text()).toContain('Of your quota'))
  expect(text()).toContain('4 of 10')
  expect(text()).toContain('2.00 of 8 GiB')
})

it('shows a backup that is made with bytes, rate and the time that is left, and cancels it', async () => {
  const operation = {
    id: 'o9',
    kind: 'backup',
    state: 'running',
    step: 'reading files',
    done_bytes: 1024 ** 3,
    total_bytes: 4 * 1024 ** 3,
    bytes_per_second: 32 * 1024 ** 2,
  } as Backup['operation']
  await open({ items: [{ ...ROW, state: 'running', operation }] })
  await painted(() =>
    expect(all('[role="img"]').map(named)).toContain(
      'reading files · 1.00 of 4 GiB · 32.0 MiB/s · 1 min 36 s left',
    ),
  )
  expect(button('New backup').title).toBe('A backup is being made')
  await press('Cancel the castle')
  await painted(() => expect(sent('POST /operations/o9/cancel')).toHaveLength(1))
})

it('makes one by name, and says in words why it is refused', async () => {
  refuse['POST /servers/s1/backups'] = [
    409,
    {
      code: 'backup_limit',
      detail: 'this server has 5 of the 5 backups that its limits give it; remove one',
    },
  ]
  await open()
  await painted(() => expect(button('New backup')).toBeDefined())
  await press('New backup')
  await type(field('Name'), '  before the update ')
  await press('Back up')
  await painted(() => expect(alerts().join()).toContain('This server has 5 of the 5 backups'))
  refuse['POST /servers/s1/backups'] = [
    422,
    { code: 'invalid', errors: [{ field: 'ignore', code: 'too_many', message: 'has at most 200 lines' }] },
  ]
  await press('Back up')
  await painted(() => expect(alerts().join()).toContain('Has at most 200 lines'))
  refuse['POST /servers/s1/backups'] = [507, { code: 'disk_full', detail: 'the disk of the store is full' }]
  await press('Back up')
  await painted(() => expect(alerts().join()).toContain('The disk of the store is full'))
  refuse = {}
  await press('Back up')
  await painted(() => expect(text()).toContain('The backup has begun'))
  expect(sent('POST /servers/s1/backups').at(-1)?.body).toMatchObject({
    name: 'before the update',
    store: null,
  })
})

it('renames, locks and deletes from the row’s menu', async () => {
  await open()
  await painted(() => expect(button('More for the castle')).toBeDefined())
  await choose('More for the castle', 'Rename')
  await type(field('Name'), 'the keep')
  await press('Rename')
  await painted(() => expect(sent('PATCH /servers/s1/backups/b1')[0]?.body).toEqual({ name: 'the keep' }))
  await choose('More for the castle', 'Lock')
  await painted(() => expect(sent('PATCH /servers/s1/backups/b1')[1]?.body).toEqual({ locked: true }))
  refuse['DELETE /servers/s1/backups/b1'] = [
    409,
    { code: 'backup_locked', detail: 'this backup is locked; unlock it first' },
  ]
  await choose('More for the castle', 'Delete')
  await press('Delete')
  await painted(() => expect(text()).toContain('This backup is locked; unlock it first'))
})

it('keeps a locked one from being deleted, and says so', async () => {
  await open({ items: [{ ...ROW, locked: true }] })
  await painted(() => expect(button('More for the castle')).toBeDefined())
  await act(async () =>
    button('More for the castle').dispatchEvent(
      new MouseEvent('pointerdown', { bubbles: true, cancelable: true, button: 0 }),
    ),
  )
  const item = all('[role="menuitem"]').find((each) => each.textContent === 'Delete')
  expect(item?.getAttribute('aria-disabled')).toBe('true')
  expect(item?.title).toBe('It is locked')
})

it.each([
  [{ limit: 0 }, {}, 'This server may have no backups', undefined],
  [{ stores: [] }, {}, 'There is no place for backups', 'To the backup stores'],
  [{}, {}, 'No backup yet', 'New backup'],
  [{}, { usage: { disk_bytes: 3 * 1024 ** 3 } }, 'The first one reads 3.00 GiB.', 'New backup'],
])('says what to do where there is none: %o %o', async (list, more, words, act) => {
  await open({ items: [], used: 0, ...list }, more)
  await painted(() => expect(text()).toContain(words))
  if (act) expect([...all('a'), ...all('button')].map(named)).toContain(act)
})

it('asks nothing of the panel where one may not see backups', async () => {
  await open({}, { may: [] })
  await painted(() => expect(text()).toContain('You may not see the backups of this server'))
  expect(asked).toEqual([])
})

it('restores all of it after a safety backup, or after the name was typed', async () => {
  await open()
  await painted(() => expect(button('Put the castle back')).toBeDefined())
  await press('Put the castle back')
  await press('Put back')
  await painted(() => expect(text()).toContain('The backup is being put back'))
  expect(sent('POST /servers/s1/backups/b1/restore')[0]?.body).toEqual({
    paths: [],
    server: null,
    safety_backup: true,
    start: false,
  })
  await press('Put the castle back')
  await check('Back up what is there now first')
  expect(button('Put back').title).toBe('The name has to be typed first')
  await press('Put back')
  await type(field('Type game to go on'), 'game')
  await press('Put back')
  await painted(() => expect(sent('POST /servers/s1/backups/b1/restore')).toHaveLength(2))
  expect(sent('POST /servers/s1/backups/b1/restore')[1]?.body).toMatchObject({ safety_backup: false })
})

it('picks files inside a backup, page by page; a folder takes along what is in it', async () => {
  await open()
  await painted(() => expect(button('More for the castle')).toBeDefined())
  await choose('More for the castle', 'Put some files back …')
  await painted(() => expect(text()).toContain('server.properties'))
  expect(button('Put back').title).toBe('Choose files first')
  const box = (name: string) =>
    all('input').find((each) => named(each) === `Choose ${name}`) as HTMLInputElement
  await press('Show more')
  await painted(() => expect(text()).toContain('whitelist.json'))
  await act(async () => box('whitelist.json').click())
  await press('world')
  await painted(() => expect(text()).toContain('level.dat'))
  await act(async () => box('level.dat').click())
  expect(text()).toContain('2 chosen')
  await press('Up')
  await act(async () => box('world').click())
  expect(text()).toContain('2 chosen')
  await press('world')
  expect(box('level.dat').checked).toBe(true)
  expect(box('level.dat').disabled).toBe(true)
  await press('Leave out /whitelist.json')
  await press('Put back')
  await painted(() =>
    expect(sent('POST /servers/s1/backups/b1/restore')[0]?.body).toMatchObject({ paths: ['/world'] }),
  )
})

it('restores into another server, which for a directory is one of the same node', async () => {
  await open()
  await painted(() => expect(button('Put the castle back')).toBeDefined())
  await press('Put the castle back')
  await press('Another server')
  await painted(() => expect(text()).toContain('twin'))
  expect(all('[aria-label="Into which server"] button').map((each) => each.textContent)).toEqual([
    'twinfra-1',
  ])
  expect(button('Put back').title).toBe('Choose a server first')
  await press('twinfra-1')
  refuse['POST /servers/s1/backups/b1/restore'] = [
    422,
    { code: 'invalid', errors: [{ field: 'server', code: 'conflict', message: 'stands on another node' }] },
  ]
  await press('Put back')
  await painted(() => expect(alerts().join()).toContain('Stands on another node'))
  refuse = {}
  await press('Put back')
  await painted(() => expect(text()).toContain('The backup is being put into twin'))
  expect(sent('POST /servers/s1/backups/b1/restore').at(-1)?.body).toMatchObject({ server: 's2' })
})

it('offers servers of every node for a backup in S3, and none without the right to download', async () => {
  await open({ stores: [S3], items: [{ ...ROW, store: { id: 'k2', name: 'Archive' } }] })
  await painted(() => expect(button('Put the castle back')).toBeDefined())
  await press('Put the castle back')
  await press('Another server')
  await painted(() => expect(text()).toContain('farhel-1'))
})

it('does not offer another server without the right to download', async () => {
  await open({}, { may: EVERY.filter((key) => key !== 'backup.download') })
  await painted(() => expect(button('Put the castle back')).toBeDefined())
  await press('Put the castle back')
  expect(text()).toContain('only with the right to download backups')
  await press('Another server')
  expect(text()).not.toContain('Into which server')
  expect(button('Show the password').title).toBe('You may not download backups')
})

it('says in words why a restore is refused, and keeps what was chosen', async () => {
  await open()
  await painted(() => expect(button('Put the castle back')).toBeDefined())
  await press('Put the castle back')
  for (const [status, code, detail] of [
    [409, 'job_running', 'an install or another job works on this server’s files'],
    [409, 'quota', 'your quota gives you 2 GiB for backups'],
    [503, 'node_offline', 'node fra-1 is offline'],
    [507, 'disk_full', 'only 400 MiB are free'],
  ] as const) {
    refuse['POST /servers/s1/backups/b1/restore'] = [status, { code, detail }]
    await press('Put back')
    const words = detail.charAt(0).toUpperCase() + detail.slice(1)
    await painted(() => expect(alerts().join()).toContain(words))
    expect(text()).toContain('R1')
  }
})

it('saves what is left out, kept and typed for the state that was seen', async () => {
  await open()
  await painted(() => expect(field('Leave out')).toBeTruthy())
  expect(button('Save').title).toBe('Nothing is changed')
  await type(field('Leave out'), 'logs/\n\n*.jar  \n')
  await act(async () => (all('[role="switch"]')[0] as HTMLInputElement).click())
  expect(text()).toContain('Kept: the newest 5. The rest is deleted.')
  await type(field('Weekly'), '4')
  expect(text()).toContain('Kept: the newest 5 and one of each of 4 weeks. The rest is deleted.')
  await act(async () => (all('[role="switch"]')[1] as HTMLInputElement).click())
  expect(button('Save').title).toBe('Something can’t be saved as it stands')
  await press('Use these lines')
  expect(text()).not.toContain('This is Minecraft')
  await press('Save')
  await painted(() => expect(text()).toContain('Saved how it is backed up'))
  const [put] = sent('PUT /servers/s1/backup-settings')
  expect(put?.match).toBe('"1"')
  expect(put?.body).toEqual({
    store: null,
    ignore: ['logs/', '*.jar'],
    retention: { last: 5, weekly: 4 },
    hooks: { before: ['save-off', 'save-all flush'], after: ['save-on'], ready: 'Saved the game', wait_s: 0 },
  })
})

it('offers the lines of a game only where that game is known', async () => {
  await open({}, { egg: { id: 'e2', name: 'OpenTTD' } })
  await painted(() => expect(field('Leave out')).toBeTruthy())
  expect(text()).not.toContain('Use these lines')
})

it('says beside the field what the panel refuses of the settings', async () => {
  refuse['PUT /servers/s1/backup-settings'] = [
    422,
    {
      code: 'invalid',
      errors: [{ field: 'ignore', code: 'invalid', message: 'each line has at most 512 bytes' }],
    },
  ]
  await open()
  await painted(() => expect(field('Leave out')).toBeTruthy())
  await type(field('Leave out'), 'x')
  await press('Save')
  await painted(() => expect(alerts()).toContain('Each line has at most 512 bytes'))
  refuse['PUT /servers/s1/backup-settings'] = [
    412,
    { code: 'changed_meanwhile', detail: 'it was changed meanwhile; look at it and try again' },
  ]
  await press('Save')
  await painted(() => expect(alerts().join()).toContain('It was changed meanwhile'))
})

it('refuses numbers that the panel would refuse, before it is asked', async () => {
  await open()
  await painted(() => expect(field('Leave out')).toBeTruthy())
  await act(async () => (all('[role="switch"]')[0] as HTMLInputElement).click())
  await type(field('Newest'), '0')
  expect(alerts()).toContain('A whole number from 1 to 1 000.')
  await type(field('Newest'), '')
  expect(alerts()).toContain('Say what is kept, or switch this off.')
  expect(sent('PUT /servers/s1/backup-settings')).toEqual([])
})

it('lets nobody change hooks or retention without the rights that those take', async () => {
  await open({}, { may: ['backup.read', 'backup.create'] })
  await painted(() => expect(field('Leave out')).toBeTruthy())
  expect(all('[role="switch"]').map((each) => (each as HTMLInputElement).disabled)).toEqual([true, true])
  expect(text()).toContain('needs the right to type into the console')
  expect(text()).toContain('needs the right to delete backups')
})

it('shows the password of the repository to who types their own', async () => {
  const call = 'POST /servers/s1/backup-keys'
  refuse[call] = [
    422,
    {
      code: 'invalid',
      errors: [{ field: 'current_password', code: 'wrong', message: 'is not the password' }],
    },
  ]
  await open()
  await painted(() => expect(button('Show the password')).toBeDefined())
  await press('Show the password')
  expect(text()).toContain('This opens all backups of the server')
  await type(document.querySelector('input[type="password"]') as HTMLInputElement, 'guess')
  const form = () => document.querySelector('[role="dialog"] form') as HTMLFormElement
  await act(async () => form().requestSubmit())
  await painted(() => expect(alerts()).toContain('Is not the password'))
  refuse = {}
  answers[call] = {
    items: [
      {
        store: { id: 'k1', name: 'On the nodes' },
        repository: "/srv/it's here/s1",
        password: 'kq4vGz0H7n2b',
      },
    ],
  }
  await act(async () => form().requestSubmit())
  await painted(() => expect(text()).toContain('kq4vGz0H7n2b'))
  expect(text()).toContain("restic -r '/srv/it'\\''s here/s1' snapshots")
  await press('I have it')
  expect(text()).not.toContain('kq4vGz0H7n2b')
})
