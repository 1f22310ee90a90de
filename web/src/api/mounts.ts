import { queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { keys } from './queries'

/** Directories of nodes that servers may see. */
export const mountsQuery = queryOptions({
  queryKey: keys.mounts,
  queryFn: async () => (await must(api.GET('/mounts'))).items,
})

/** Those that a server sees, and those that the reader could switch on there. */
export function serverMountsQuery(server: string) {
  return queryOptions({
    queryKey: keys.serverMounts(server),
    queryFn: async () =>
      (await must(api.GET('/servers/{server}/mounts', { params: { path: { server } } }))).items,
  })
}
