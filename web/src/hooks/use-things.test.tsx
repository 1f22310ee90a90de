import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys } from '~/api/queries'
import type { AuditRow } from '~/api/types'
import { signedIn } from '~/mock-api/session'
import type { Things } from '~/util/things'
import { useThings } from './use-things'

const ROW: AuditRow = {
  id: '01ROW',
  at: '2026-11-20T12:00:00Z',
  actor: { kind: 'user', user: { id: 'u1', name: 'ann' }, by: null },
  action: 'role.grant',
  resource: 'user',
  resource_id: 'u2',
  server: { id: 's1', name: 'Lantern Vale' },
  address: null,
  diff: { role: 'r1' },
}

let root: Root
let things: Things
let asked: string[] = []
/** Bodies by path; whatever is not here is refused. */
let answers: Record<string, unknown> = {}

function Show({ rows }: { rows: AuditRow[] }) {
  things = useThings(rows)
  return null
}

async function read(permissions: string[], rows: AuditRow[] = [ROW]) {
  const client = new QueryClient({
    defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } },
  })
  client.setQueryData(keys.session, signedIn({ permissions }))
  await act(async () =>
    root.render(
      <QueryClientProvider client={client}>
        <Show rows={rows} />
      </QueryClientProvider>,
    ),
  )
  await painted(() => expect(client.isFetching()).toBe(0))
}
const painted = (check: () => void) => act(() => vi.waitFor(check))
async function anew() {
  await act(async () => root.unmount())
  root = createRoot(document.getElementById('root') as HTMLElement)
  asked = []
}
const page = (items: unknown[], next: string | null = null) => ({ items, next })

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  answers = { '/servers': page([]) }
  vi.stubGlobal('fetch', async (request: Request) => {
    const path = new URL(request.url).pathname.replace('/api/v1', '')
    asked.push(path)
    const body = answers[path]
    return new Response(JSON.stringify(body ?? { title: 'Gone', status: 404, code: 'not_found' }), {
      status: body ? 200 : 404,
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

it('who may read no lists is asked for none and keeps the names that the log tells', async () => {
  await read([])
  expect(asked).toEqual(['/servers'])
  expect(things.get('u1')).toEqual({ kind: 'person', name: 'ann', stands: false })
  expect(things.has('r1')).toBe(false)
})

it('a server that a whole list does not hold is gone, one of a longer list is taken to be there', async () => {
  await read([])
  expect(things.get('s1')?.stands).toBe(false)
  await anew()
  answers = { '/servers': page([], 'more') }
  await read([])
  await painted(() => expect(things.get('s1')?.stands).toBe(true))
})

it('people and roles go by what they are called now', async () => {
  answers['/users'] = page([
    { id: 'u1', username: 'anna' },
    { id: 'u2', username: 'ben' },
  ])
  answers['/roles'] = page([{ id: 'r1', name: 'Support' }])
  await read(['person.read', 'role.read'])
  await painted(() => expect(things.get('u1')).toEqual({ kind: 'person', name: 'anna', stands: true }))
  expect(things.get('u2')?.name).toBe('ben')
  expect(things.get('r1')).toEqual({ kind: 'role', name: 'Support', stands: true })
})

it('of very many people those that the list does not reach are asked for, up to a bound', async () => {
  answers['/users'] = page([{ id: 'u1', username: 'ann' }], 'more')
  answers['/users/u2'] = { id: 'u2', username: 'ben' }
  await read(['person.read'])
  await painted(() => expect(things.get('u2')?.name).toBe('ben'))
  expect(asked.filter((path) => path.startsWith('/users'))).toEqual(['/users', '/users/u2'])

  await anew()
  await read(
    ['person.read'],
    Array.from({ length: 80 }, (_, n) => ({ ...ROW, id: `${n}`, resource_id: `x${n}` })),
  )
  await painted(() => expect(asked.filter((path) => path.startsWith('/users/'))).toHaveLength(30))
})
