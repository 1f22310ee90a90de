import { infiniteQueryOptions, QueryClient, queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { Problem } from './problem'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) =>
        !(error instanceof Problem && error.status >= 400 && error.status < 500) && failures < 2,
      refetchOnWindowFocus: true,
    },
  },
})

export const keys = {
  session: ['session'] as const,
  /** Heads every list and count of servers. */
  servers: ['servers'] as const,
  server: (id: string) => ['server', id] as const,
  nodes: ['nodes'] as const,
  node: (id: string) => ['node', id] as const,
  allocations: (node: string) => ['node', node, 'allocations'] as const,
  eggs: ['eggs'] as const,
  egg: (id: string) => ['egg', id] as const,
  nests: ['nests'] as const,
  mounts: ['mounts'] as const,
  serverMounts: (server: string) => ['server', server, 'mounts'] as const,
  sftp: (server: string) => ['server', server, 'sftp'] as const,
  operations: ['operations'] as const,
  consumers: ['consumers'] as const,
  registries: ['registries'] as const,
  databaseHosts: ['database-hosts'] as const,
  sessions: ['account', 'sessions'] as const,
  apiKeys: ['account', 'api-keys'] as const,
  providers: ['providers'] as const,
  logins: ['account', 'logins'] as const,
  passkeys: ['account', 'passkeys'] as const,
  sshKeys: ['account', 'ssh-keys'] as const,
  profile: ['account', 'profile'] as const,
  front: ['panel'] as const,
  settings: ['settings'] as const,
  secondFactor: ['account', 'second-factor'] as const,
  accountQuota: ['account', 'quota'] as const,
  tokens: ['nodes', 'tokens'] as const,
  permissions: ['permissions'] as const,
  locations: ['locations'] as const,
  people: ['people'] as const,
  person: (id: string) => ['people', id] as const,
  personQuota: (id: string) => ['people', id, 'quota'] as const,
  roles: ['roles'] as const,
  role: (id: string) => ['roles', id] as const,
  plans: ['plans'] as const,
  subusers: (server: string) => ['server', server, 'users'] as const,
  backups: (server: string) => ['server', server, 'backups'] as const,
  backupStores: ['backup-stores'] as const,
  databases: (server: string) => ['server', server, 'databases'] as const,
  audit: ['audit'] as const,
  activity: (server: string) => ['server', server, 'activity'] as const,
  trash: (server: string) => ['server', server, 'trash'] as const,
  files: (server: string, path: string) => ['server', server, 'files', path] as const,
}

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: () => must(api.GET('/session')),
  staleTime: 60_000,
  retry: false,
})

/** Follows `next` to the end, for lists of hundreds of rows at most; servers are read by the page. */
export async function everyPage<T>(
  fetch: (cursor: string | undefined) => Promise<{ items: T[]; next?: string | null }>,
): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  for (let page = 0; page < 50; page++) {
    const answer = await fetch(cursor)
    items.push(...answer.items)
    if (!answer.next) break
    cursor = answer.next
  }
  return items
}

export function paged(cursor: string | undefined): { limit: number; cursor?: string } {
  return cursor ? { limit: 100, cursor } : { limit: 100 }
}

export function serverQuery(id: string) {
  return queryOptions({
    queryKey: keys.server(id),
    queryFn: () => must(api.GET('/servers/{server}', { params: { path: { server: id } } })),
  })
}

export const nodesQuery = queryOptions({
  queryKey: keys.nodes,
  queryFn: () => everyPage((cursor) => must(api.GET('/nodes', { params: { query: paged(cursor) } }))),
  refetchInterval: 10_000,
})

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

export const eggsQuery = queryOptions({
  queryKey: keys.eggs,
  queryFn: () => everyPage((cursor) => must(api.GET('/eggs', { params: { query: paged(cursor) } }))),
})

/** The groups that eggs are in. */
export const nestsQuery = queryOptions({
  queryKey: keys.nests,
  queryFn: async () => (await must(api.GET('/nests'))).items,
})

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

/** How programs reach a server's files. */
export function sftpQuery(server: string) {
  return queryOptions({
    queryKey: keys.sftp(server),
    queryFn: async () => must(api.GET('/servers/{server}/sftp', { params: { path: { server } } })),
    staleTime: 60_000,
  })
}

export function eggQuery(id: string) {
  return queryOptions({
    queryKey: keys.egg(id),
    queryFn: () => must(api.GET('/eggs/{egg}', { params: { path: { egg: id } } })),
    staleTime: 60_000,
  })
}

export const startersQuery = queryOptions({
  queryKey: ['eggs', 'starters'],
  queryFn: async () => (await must(api.GET('/eggs/starters'))).items,
  staleTime: 600_000,
})

export const operationsQuery = queryOptions({
  queryKey: keys.operations,
  queryFn: async () => (await must(api.GET('/operations', { params: { query: { limit: 50 } } }))).items,
  // Progress inside a running operation is no event; ask for it while there is one.
  refetchInterval: (query) =>
    query.state.data?.some((o) => o.state === 'pending' || o.state === 'running') ? 2000 : false,
})

export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async () => (await must(api.GET('/account/sessions'))).items,
})
export const apiKeysQuery = queryOptions({
  queryKey: keys.apiKeys,
  queryFn: async () => (await must(api.GET('/account/api-keys'))).items,
})
export const sshKeysQuery = queryOptions({
  queryKey: keys.sshKeys,
  queryFn: async () => (await must(api.GET('/account/ssh-keys'))).items,
})

export const profileQuery = queryOptions({
  queryKey: keys.profile,
  queryFn: () => must(api.GET('/account/profile')),
})

/** What the pages before the log-in show of the panel. */
export const frontQuery = queryOptions({
  queryKey: keys.front,
  queryFn: () => must(api.GET('/panel')),
  staleTime: 60_000,
})

export const settingsQuery = queryOptions({
  queryKey: keys.settings,
  queryFn: () => must(api.GET('/settings')),
})

export const passkeysQuery = queryOptions({
  queryKey: keys.passkeys,
  queryFn: async () => (await must(api.GET('/account/passkeys'))).items,
})
export const loginsQuery = queryOptions({
  queryKey: keys.logins,
  queryFn: async () => (await must(api.GET('/account/logins'))).items,
})
/** Through whom one can sign in; asked before anybody has. */
export const providersQuery = queryOptions({
  queryKey: keys.providers,
  queryFn: async () => (await must(api.GET('/session/providers'))).items,
  staleTime: 60_000,
  retry: false,
})
export const secondFactorQuery = queryOptions({
  queryKey: keys.secondFactor,
  queryFn: () => must(api.GET('/account/second-factor')),
})
export const consumersQuery = queryOptions({
  queryKey: keys.consumers,
  queryFn: async () => (await must(api.GET('/event-consumers'))).items,
})
export const registriesQuery = queryOptions({
  queryKey: keys.registries,
  queryFn: async () => (await must(api.GET('/registries'))).items,
})
export const tokensQuery = queryOptions({
  queryKey: keys.tokens,
  queryFn: async () => (await must(api.GET('/nodes/tokens'))).items,
})

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

/** The newest runs: when the game began and ended is drawn into its charts. */
export function runsQuery(server: string) {
  return queryOptions({
    queryKey: [...keys.server(server), 'runs'],
    queryFn: async () =>
      (await must(api.GET('/servers/{server}/runs', { params: { path: { server }, query: { limit: 100 } } })))
        .items,
    staleTime: 30_000,
  })
}

export type Span = '1h' | '24h' | '7d'
const SPANS: Record<Span, { seconds: number; step: number }> = {
  '1h': { seconds: 3600, step: 15 },
  '24h': { seconds: 86_400, step: 60 },
  '7d': { seconds: 604_800, step: 3600 },
}

export function metricsQuery(kind: 'servers' | 'nodes', id: string, span: Span) {
  const { seconds, step } = SPANS[span]
  return queryOptions({
    queryKey: [kind, id, 'metrics', span],
    queryFn: () => {
      const now = Date.now()
      const query = {
        from: new Date(now - seconds * 1000).toISOString(),
        to: new Date(now).toISOString(),
        step,
      }
      return kind === 'servers'
        ? must(api.GET('/servers/{server}/metrics', { params: { path: { server: id }, query } }))
        : must(api.GET('/nodes/{node}/metrics', { params: { path: { node: id }, query } }))
    },
    refetchInterval: span === '1h' ? 15_000 : 60_000,
    staleTime: 10_000,
  })
}
