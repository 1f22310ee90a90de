import { type InfiniteData, infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { everyPage, keys, paged, queryClient } from './queries'
import type { ServerState, ServerSummary } from './types'

/** What control narrows a list by. It takes one state and one node at a time; more are asked for side by side. */
export interface Narrow {
  /** Part of the name, or an id. */
  search?: string | undefined
  states?: ServerState[] | undefined
  nodes?: string[] | undefined
}

interface Part {
  items: ServerSummary[]
  /** Cursor of what follows; null at the end. */
  next: string | null
}
/** One page of each list that is read side by side; none of a list that has ended. */
export type ServerPage = Array<Part | undefined>

/** What is asked for side by side. */
export function listsOf({ states, nodes }: Narrow): Array<{ state?: ServerState; node?: string }> {
  const byState = states?.map((state) => ({ state })) ?? [{}]
  return nodes ? byState.flatMap((each) => nodes.map((node) => ({ ...each, node }))) : byState
}

type Cursors = Array<string | null | undefined>

async function servePage(narrow: Narrow, cursors: Cursors): Promise<ServerPage> {
  const search = narrow.search ? { search: narrow.search } : {}
  return Promise.all(
    listsOf(narrow).map(async (list, at) => {
      const cursor = cursors[at]
      if (cursor === null) return undefined
      const query = { ...list, ...search, ...paged(cursor) }
      const { items, next } = await must(api.GET('/servers', { params: { query } }))
      return { items, next: next ?? null }
    }),
  )
}

/** Servers, the newest first, a page at a time: an owner of very many does not fetch them all. */
export function serverPagesQuery(narrow: Narrow = {}) {
  return infiniteQueryOptions({
    queryKey: [...keys.servers, 'pages', narrow],
    initialPageParam: [] as Cursors,
    queryFn: ({ pageParam }) => servePage(narrow, pageParam),
    getNextPageParam: (last: ServerPage) => {
      const cursors = last.map((part) => part?.next ?? null)
      return cursors.some((cursor) => cursor !== null) ? cursors : undefined
    },
    // States come by event; the figures beside them are sampled every 15 s and have no event.
    refetchInterval: 15_000,
  })
}

export const tallyQuery = queryOptions({
  queryKey: [...keys.servers, 'tally'],
  queryFn: () => must(api.GET('/servers/tally')),
  refetchInterval: 15_000,
})

/** All of one node: hundreds at most. */
export function serversOnNodeQuery(node: string) {
  return queryOptions({
    queryKey: [...keys.servers, 'node', node],
    queryFn: () =>
      everyPage<ServerSummary>((cursor) =>
        must(api.GET('/servers', { params: { query: { node, ...paged(cursor) } } })),
      ),
  })
}

/**
 * Lists that were read side by side as one, the newest first. A row stays back while a list that has not been
 * read so far could still put rows before it: what is on screen never moves down.
 */
export function merged(pages: ServerPage[]): ServerSummary[] {
  const rows = new Map<string, ServerSummary>()
  const ends: Part[] = []
  for (const page of pages) {
    for (const [at, part] of page.entries()) {
      if (!part) continue
      for (const row of part.items) rows.set(row.id, row)
      ends[at] = part
    }
  }
  const open = ends.filter((part) => part.next !== null).map((part) => part.items.at(-1)?.id ?? '')
  const floor = open.sort().at(-1) ?? ''
  return [...rows.values()].filter((row) => row.id >= floor).sort((a, b) => (a.id < b.id ? 1 : -1))
}

/** Changes a server in every list that shows it. */
export function patchListed(id: string, change: (server: ServerSummary) => ServerSummary): void {
  queryClient.setQueriesData<InfiniteData<ServerPage>>({ queryKey: [...keys.servers, 'pages'] }, (data) => {
    const has = data?.pages.some((page) => page.some((part) => part?.items.some((row) => row.id === id)))
    if (!data || !has) return data
    const part = (one: Part | undefined) =>
      one && { ...one, items: one.items.map((row) => (row.id === id ? change(row) : row)) }
    return { ...data, pages: data.pages.map((page) => page.map(part)) }
  })
}
