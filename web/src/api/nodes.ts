import { queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { everyPage, keys, paged } from './queries'

export function nodeQuery(id: string) {
  return queryOptions({
    queryKey: keys.node(id),
    queryFn: () => must(api.GET('/nodes/{node}', { params: { path: { node: id } } })),
    refetchInterval: 10_000,
  })
}

export function allocationsQuery(node: string) {
  return queryOptions({
    queryKey: keys.allocations(node),
    queryFn: () =>
      everyPage((cursor) =>
        must(api.GET('/nodes/{node}/allocations', { params: { path: { node }, query: paged(cursor) } })),
      ),
  })
}

export const tokensQuery = queryOptions({
  queryKey: keys.tokens,
  queryFn: async () => (await must(api.GET('/nodes/tokens'))).items,
})
