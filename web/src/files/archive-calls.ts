import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Operation } from '~/api/types'

/** Formats that can be made, the one that everybody reads first. */
export const FORMATS = ['zip', 'tar.gz', 'tar.zst', 'tar.xz', 'tar.bz2', 'tar', '7z'] as const
export type Format = (typeof FORMATS)[number]

export type Existing = 'refuse' | 'skip' | 'replace'

const KINDS: readonly string[] = ['archive', 'extract', 'download']

/** What an archive of these is called, before somebody has another idea. */
export function archiveName(names: readonly string[], folder: string): string {
  if (names.length !== 1) return folder || 'archive'
  const name = names[0] ?? ''
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(0, dot) : name
}

export async function pack(server: string, paths: string[], format: Format, to: string): Promise<void> {
  await must(
    api.POST('/servers/{server}/files/archive', {
      params: { path: { server } },
      body: { paths, format, to },
    }),
  )
  await queryClient.invalidateQueries({ queryKey: keys.operations })
}

export async function unpack(
  server: string,
  archive: string,
  to: string,
  existing: Existing,
  only: string[] = [],
): Promise<void> {
  await must(
    api.POST('/servers/{server}/files/extract', {
      params: { path: { server } },
      body: { archive, to, existing, only },
    }),
  )
  await queryClient.invalidateQueries({ queryKey: keys.operations })
}

/** A directory of an archive, a page at a time. */
export function archiveQuery(server: string, path: string, inside: string) {
  return infiniteQueryOptions({
    queryKey: ['server', server, 'archive', path, inside],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET('/servers/{server}/files/archive', {
          params: {
            path: { server },
            query: { path, inside, limit: 500, ...(pageParam ? { cursor: pageParam } : {}) },
          },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next ?? undefined,
    // To look into one may take its node a while.
    staleTime: 60_000,
    retry: false,
  })
}

/** What is packed, unpacked and downloaded on a server; asked anew while there is any. */
export function archivingQuery(server: string) {
  return queryOptions({
    queryKey: [...keys.operations, 'archives', server],
    queryFn: async () => {
      const query = { server, active: true, limit: 20 }
      const { items } = await must(api.GET('/operations', { params: { query } }))
      return items.filter((each) => KINDS.includes(each.kind))
    },
    refetchInterval: ({ state }) => (state.data?.length ? 1000 : false),
  })
}

export async function ended(id: string): Promise<Operation> {
  return must(api.GET('/operations/{id}', { params: { path: { id } } }))
}

export async function callOff(id: string): Promise<void> {
  await must(api.POST('/operations/{id}/cancel', { params: { path: { id } } }))
  await queryClient.invalidateQueries({ queryKey: keys.operations })
}
