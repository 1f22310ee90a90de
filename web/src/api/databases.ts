import { queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { everyPage, keys, paged } from './queries'
import type { Database } from './types'

const moves = ({ state }: Database) => state !== 'ready'

/** A server's databases. What becomes of one is an event; of its tries that go wrong only the first is. */
export function databasesQuery(server: string) {
  return queryOptions({
    queryKey: keys.databases(server),
    queryFn: async () =>
      (await must(api.GET('/servers/{server}/databases', { params: { path: { server } } }))).items,
    refetchInterval: (query) => (query.state.data?.some(moves) ? 10_000 : false),
  })
}

/** The hosts on which a server may get one. */
export function serverDatabaseHostsQuery(server: string) {
  return queryOptions({
    queryKey: [...keys.databases(server), 'hosts'],
    queryFn: async () =>
      (await must(api.GET('/servers/{server}/database-hosts', { params: { path: { server } } }))).items,
  })
}

export const databaseHostsQuery = queryOptions({
  queryKey: keys.databaseHosts,
  queryFn: async () => (await must(api.GET('/database-hosts'))).items,
})

/** What is on a host. */
export function hostedDatabasesQuery(host: string) {
  return queryOptions({
    queryKey: [...keys.databaseHosts, host, 'databases'],
    queryFn: () =>
      everyPage((cursor) =>
        must(
          api.GET('/database-hosts/{database_host}/databases', {
            params: { path: { database_host: host }, query: paged(cursor) },
          }),
        ),
      ),
    refetchInterval: (query) => (query.state.data?.some(({ state }) => state !== 'ready') ? 10_000 : false),
  })
}
