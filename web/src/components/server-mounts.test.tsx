import { QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { queryClient } from '~/api/queries'
import type { Node, Server, ServerMount, ServerSummary } from '~/api/types'
import { nodes, servers, whole } from '~/mock-api/data'
import { Toaster } from '~/ui/toaster'
import { NodeMounts } from './node-mounts'
import { ServerMounts } from './server-mounts'

const mount = (id: string, name: string, change: Partial<ServerMount> = {}): ServerMount => ({
  ...{ id, name, description: '', source: null, target: `/mnt/${id}`, read_only: true },
  ...{ on: false, offered: true, switchable: true, allowed: true },
  ...change,
})
const server: Server = {
  ...whole(servers[0] as ServerSummary),
  permissions: ['startup.read', 'mount.use'],
  state: 'running',
}

let root: Root
let mounts: ServerMount[]
let asked: string[] = []
let refusal: [number, object] | undefined

const painted = (check: () => void) => act(() => vi.waitFor(check))
const text = () => document.body.textContent?.replaceAll('\u00a0', ' ') ?? ''
const toggle = (name: string) =>
  document.querySelector(`[role=switch][aria-label="Mount ${name}"]`) as HTMLInputElement
const row = (name: string) => toggle(name).closest('li')?.textContent

async function draw(change: Partial<Server> = {}) {
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <ServerMounts server={{ ...server, ...change }} />
        <Toaster />
      </QueryClientProvider>,
    ),
  )
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  queryClient.clear()
  queryClient.setDefaultOptions({ queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } })
  mounts = [mount('a', 'Maps'), mount('b', 'Archive', { on: true, read_only: false, switchable: false })]
  asked = []
  refusal = undefined
  vi.stubGlobal('fetch', async (request: Request) => {
    const path = new URL(request.url).pathname.replace('/api/v1', '')
    const json = (body: unknown, status = 200) =>
      new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
    asked.push(`${request.method} ${path.replace(server.id, 'it')}`)
    if (request.method === 'GET') return json({ items: mounts, next: null })
    if (refusal) return json(refusal[1], refusal[0])
    mounts = mounts.map((each) => (path.endsWith(each.id) ? { ...each, on: request.method === 'PUT' } : each))
    return request.method === 'PUT' ? json(mounts[0]) : new Response(null, { status: 204 })
  })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('one is switched on and off, and a running game is said to see it from its next start on', async () => {
  await draw()
  await painted(() => expect(toggle('Maps').checked).toBe(false))
  await act(async () => toggle('Maps').click())
  await painted(() => expect(toggle('Maps').checked).toBe(true))
  expect(text()).toContain('Maps is on')
  expect(text()).toContain('The game sees it from its next start on.')
  await act(async () => toggle('Maps').click())
  await painted(() => expect(toggle('Maps').checked).toBe(false))
  expect(text()).toContain('The game sees it until it is started again.')
  expect(asked.filter((call) => !call.startsWith('GET'))).toEqual([
    'PUT /servers/it/mounts/a',
    'DELETE /servers/it/mounts/a',
  ])
})

it('what others decide is shown and can not be switched', async () => {
  await draw()
  await painted(() => expect(toggle('Archive').disabled).toBe(true))
  expect(row('Archive')).toContain('Only whoever runs the panel switches this.')
  expect(row('Maps')).not.toContain('Only whoever')
  expect(row('Maps')).toContain('read-only')
})

it('a directory that the node does not allow is said, and one that is no longer offered', async () => {
  mounts = [
    mount('a', 'Maps', { allowed: false, source: '/srv/maps' }),
    mount('b', 'Old', { on: true, offered: false }),
  ]
  await draw()
  await painted(() => expect(row('Maps')).toContain('The node does not allow this directory'))
  expect(row('Maps')).toContain('from /srv/maps')
  expect(row('Old')).toContain('No longer offered here')
})

it('a refusal is told, and the switch stays where it was', async () => {
  refusal = [409, { status: 409, code: 'mount_target_taken', detail: 'mount "B" is at /mnt already' }]
  await draw()
  await painted(() => expect(toggle('Maps')).not.toBeNull())
  await act(async () => toggle('Maps').click())
  await painted(() => expect(text()).toContain('Maps was not switched'))
  expect(toggle('Maps').checked).toBe(false)
})

it('nothing is said of mounts where there are none, nor asked by who may not see them', async () => {
  mounts = []
  await draw()
  await painted(() => expect(asked).toHaveLength(1))
  expect(document.querySelector('#mounts')).toBeNull()
  asked = []
  queryClient.clear()
  await draw({ permissions: ['server.read'] })
  expect(asked).toEqual([])
})

it('a node tells what it allows, and what it means that it allows nothing', async () => {
  const node = nodes[0] as Node
  const drawn = (allowed_mounts: string[]) =>
    act(async () => root.render(<NodeMounts node={{ ...node, host: { ...node.host, allowed_mounts } }} />))
  await drawn(['/srv/games'])
  expect(text()).toContain('/srv/games')
  await drawn([])
  expect(text()).toContain('no server here gets a directory of this machine')
})
