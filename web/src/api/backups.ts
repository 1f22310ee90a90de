import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { keys } from './queries'
import type { BackupList } from './types'

const moves = (list: BackupList | undefined) =>
  list?.restore || list?.items.some(({ state }) => state === 'running' || state === 'removing')

/** A server's backups and what there is room for; while one is made, as it goes. */
export function backupsQuery(server: string) {
  return queryOptions({
    queryKey: keys.backups(server),
    queryFn: () => must(api.GET('/servers/{server}/backups', { params: { path: { server } } })),
    refetchInterval: (query) => (moves(query.state.data) ? 1500 : false),
  })
}

/** How a server is backed up. */
export function backupSettingsQuery(server: string) {
  return queryOptions({
    queryKey: keys.backupSettings(server),
    queryFn: () => must(api.GET('/servers/{server}/backup-settings', { params: { path: { server } } })),
  })
}

/** A directory of a backup, by the page. */
export function backupFilesQuery(server: string, backup: string, path: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.backups(server), backup, 'files', path] as const,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(
        api.GET('/servers/{server}/backups/{backup}/files', {
          params: {
            path: { server, backup },
            query: { path, limit: 500, ...(pageParam ? { after: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (last) => last.next ?? undefined,
    // What is in a backup never changes.
    staleTime: Number.POSITIVE_INFINITY,
  })
}

export const backupStoresQuery = queryOptions({
  queryKey: keys.backupStores,
  queryFn: async () => (await must(api.GET('/backup-stores'))).items,
})
