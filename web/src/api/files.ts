import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { keys, paged } from './queries'

interface FilesOrder {
  by: 'name' | 'size' | 'modified'
  descending: boolean
}

/** A folder by the page, in the order that is asked for; folders first. */
export function filesQuery(
  server: string,
  path: string,
  order: FilesOrder = { by: 'name', descending: false },
) {
  const sort = { sort: order.by, order: order.descending ? 'desc' : 'asc' } as const
  return infiniteQueryOptions({
    queryKey: [...keys.files(server, path), order.by, order.descending],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(
        api.GET('/servers/{server}/files', {
          params: {
            path: { server },
            query: { path, limit: 500, ...sort, ...(pageParam ? { cursor: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (last) => last.next ?? undefined,
  })
}

/** What was deleted and can still be had back, newest first. */
export function trashQuery(server: string) {
  return infiniteQueryOptions({
    queryKey: keys.trash(server),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(
        api.GET('/servers/{server}/files/trash', {
          params: { path: { server }, query: paged(pageParam) },
        }),
      ),
    getNextPageParam: (last) => last.next ?? undefined,
  })
}

/** How programs reach a server's files. */
export function sftpQuery(server: string) {
  return queryOptions({
    queryKey: keys.sftp(server),
    queryFn: async () => must(api.GET('/servers/{server}/sftp', { params: { path: { server } } })),
    staleTime: 60_000,
  })
}
