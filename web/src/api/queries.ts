import { QueryClient, queryOptions } from '@tanstack/react-query'
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
  backupSettings: (server: string) => ['server', server, 'backup-settings'] as const,
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

export const operationsQuery = queryOptions({
  queryKey: keys.operations,
  queryFn: async () => (await must(api.GET('/operations', { params: { query: { limit: 50 } } }))).items,
  // Progress inside a running operation is no event; ask for it while there is one.
  refetchInterval: (query) =>
    query.state.data?.some((o) => o.state === 'pending' || o.state === 'running') ? 2000 : false,
})

/** What the pages before the log-in show of the panel. */
export const frontQuery = queryOptions({
  queryKey: keys.front,
  queryFn: () => must(api.GET('/panel')),
  staleTime: 60_000,
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
