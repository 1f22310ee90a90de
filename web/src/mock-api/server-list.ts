import type { ServerSummary, ServerTally } from '~/api/types'
import { page, type Route, scenario } from './answers'
import { id, servers } from './data'

let many: ServerSummary[] | undefined

/** `?mock=many`: a fleet that nobody downloads whole. */
function fleet(): ServerSummary[] {
  const now = scenario()
  if (now === 'empty' || now === 'first' || now === 'guest') return []
  if (now !== 'many') return servers
  many ??= Array.from({ length: 2500 }, (_, n) => {
    const model = servers[n % servers.length] as ServerSummary
    return n < servers.length ? model : { ...model, id: id(100_000 + n), name: `${model.name} ${n}` }
  })
  return many
}

export const listRoutes: Route[] = [
  [
    'GET',
    /^\/servers$/,
    (_m, _body, url) => {
      const { search, state, node, cursor, limit } = Object.fromEntries(url.searchParams)
      const all = fleet()
        .filter((s) => !search || s.name.toLowerCase().includes(search.toLowerCase()))
        .filter((s) => (!state || s.state === state) && (!node || s.node.id === node))
        .filter((s) => !cursor || s.id < cursor)
        .sort((a, b) => (a.id < b.id ? 1 : -1))
      const items = all.slice(0, Number(limit ?? 50))
      return { ...page(items), next: all.length > items.length ? (items.at(-1)?.id ?? null) : null }
    },
  ],
  [
    'GET',
    /^\/servers\/tally$/,
    () => {
      const tally: ServerTally = {
        total: 0,
        new: 0,
        installing: 0,
        stopped: 0,
        starting: 0,
        running: 0,
        stopping: 0,
        crashed: 0,
        error: 0,
      }
      for (const { state } of fleet()) {
        tally.total += 1
        tally[state as keyof ServerTally] += 1
      }
      return tally
    },
  ],
]
