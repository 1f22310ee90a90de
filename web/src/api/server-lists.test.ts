import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { servers as fleet } from '~/mock-api/data'
import { queryClient } from './queries'
import { listsOf, merged, patchListed, type ServerPage, serverPagesQuery } from './server-lists'
import type { ServerSummary } from './types'

const model = fleet[0] as ServerSummary
const row = (id: string, state: ServerSummary['state'] = 'running'): ServerSummary => ({
  ...model,
  id,
  state,
})
const part = (next: string | null, ...ids: string[]) => ({ items: ids.map((id) => row(id)), next })
const ids = (pages: ServerPage[]) => merged(pages).map((server) => server.id)

/** A panel with servers `000` to `299`; every third is starting, the rest run. */
const all = Array.from({ length: 300 }, (_, n) =>
  row(String(n).padStart(3, '0'), n % 3 === 0 ? 'starting' : 'running'),
).reverse()
let asked: string[] = []

beforeEach(() => {
  asked = []
  queryClient.clear()
  vi.stubGlobal('fetch', async (request: Request) => {
    const url = new URL(request.url)
    const { state, cursor = '~', limit } = Object.fromEntries(url.searchParams)
    asked.push(url.search)
    const found = all.filter((s) => (!state || s.state === state) && s.id < cursor)
    const items = found.slice(0, Number(limit))
    const next = found.length > items.length ? items.at(-1)?.id : null
    return new Response(JSON.stringify({ items, next }), { headers: { 'content-type': 'application/json' } })
  })
})
afterEach(() => vi.unstubAllGlobals())

it('each state and node is a list of its own', () => {
  expect(listsOf({})).toEqual([{}])
  expect(listsOf({ states: ['crashed', 'error'] })).toEqual([{ state: 'crashed' }, { state: 'error' }])
  expect(listsOf({ states: ['running'], nodes: ['a', 'b'] })).toEqual([
    { state: 'running', node: 'a' },
    { state: 'running', node: 'b' },
  ])
  expect(listsOf({ nodes: [] })).toEqual([])
})

it('one list is shown as it came', () => {
  expect(ids([[part('7', '9', '8', '7')], [part(null, '6', '5')]])).toEqual(['9', '8', '7', '6', '5'])
})

it('lists side by side are one, and no row comes before one that was shown', () => {
  const first: ServerPage = [part('7', '9', '7'), part('2', '8', '2')]
  // 2 stays back: the other list may still have 6 to 3.
  expect(ids([first])).toEqual(['9', '8', '7'])
  expect(ids([first, [part(null, '5', '4'), part(null, '1')]])).toEqual(['9', '8', '7', '5', '4', '2', '1'])
})

it('a server that moved from one list to the other is there once, as it is now', () => {
  const moved = merged([
    [
      { items: [row('5', 'starting')], next: null },
      { items: [row('5')], next: null },
    ],
  ])
  expect(moved.map((server) => server.state)).toEqual(['running'])
})

it('a page is asked for at a time, and a list that has ended no more', async () => {
  const query = serverPagesQuery({ states: ['running', 'starting'], search: 'vale' })
  const one = await queryClient.fetchInfiniteQuery(query)
  expect(asked).toEqual(['?state=running&search=vale&limit=100', '?state=starting&search=vale&limit=100'])
  expect(query.getNextPageParam(one.pages[0] as ServerPage, [], [], [])).toEqual(['151', null])
  const two = await queryClient.fetchInfiniteQuery({ ...query, pages: 2, staleTime: 0 })
  expect(asked.at(-1)).toBe('?state=running&search=vale&limit=100&cursor=151')
  expect(merged(two.pages)).toHaveLength(300)
})

it('an event changes a server in every list that shows it, and in no other', async () => {
  const whole = serverPagesQuery()
  const narrow = serverPagesQuery({ states: ['starting'] })
  await queryClient.fetchInfiniteQuery(whole)
  await queryClient.fetchInfiniteQuery(narrow)
  patchListed('297', (server) => ({ ...server, state: 'running' }))
  for (const { queryKey } of [whole, narrow]) {
    const rows = merged(queryClient.getQueryData(queryKey)?.pages ?? [])
    expect(rows.find((server) => server.id === '297')?.state).toBe('running')
  }
  const before = queryClient.getQueryData(narrow.queryKey)
  patchListed('298', (server) => ({ ...server, state: 'crashed' }))
  expect(queryClient.getQueryData(narrow.queryKey)).toBe(before)
})
