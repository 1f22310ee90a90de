import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { keys, paged } from './queries'

/** All keys and the presets of them: a table of the panel's version, the same for everybody. */
export const permissionsQuery = queryOptions({
  queryKey: keys.permissions,
  queryFn: () => must(api.GET('/permissions')),
  staleTime: Number.POSITIVE_INFINITY,
})

export function subusersQuery(server: string) {
  return queryOptions({
    queryKey: keys.subusers(server),
    queryFn: async () =>
      (await must(api.GET('/servers/{server}/users', { params: { path: { server } } }))).items,
  })
}

/** People, the oldest account first, a page at a time. */
export function peopleQuery(search: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.people, 'pages', search],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(api.GET('/users', { params: { query: { ...paged(pageParam), ...(search ? { search } : {}) } } })),
    getNextPageParam: (last) => last.next ?? undefined,
  })
}

export function personQuery(id: string) {
  return queryOptions({
    queryKey: keys.person(id),
    queryFn: () => must(api.GET('/users/{user}', { params: { path: { user: id } } })),
  })
}

/** What their servers may have together, and what they have. */
export function personQuotaQuery(id: string) {
  return queryOptions({
    queryKey: keys.personQuota(id),
    queryFn: () => must(api.GET('/users/{user}/quota', { params: { path: { user: id } } })),
  })
}

export const accountQuotaQuery = queryOptions({
  queryKey: keys.accountQuota,
  queryFn: () => must(api.GET('/account/quota')),
})

export const plansQuery = queryOptions({
  queryKey: keys.plans,
  queryFn: async () => (await must(api.GET('/plans'))).items,
})

export function personGrantsQuery(id: string) {
  return queryOptions({
    queryKey: [...keys.person(id), 'grants'],
    queryFn: async () =>
      (await must(api.GET('/users/{user}/grants', { params: { path: { user: id } } }))).items,
  })
}

/** What is asked about: one server, one node, or with neither the panel as a whole. */
export interface WhyAsk {
  key: string
  server?: string
  node?: string
}

export function whyQuery(user: string, ask: WhyAsk) {
  return queryOptions({
    queryKey: [...keys.person(user), 'why', ask],
    queryFn: () => must(api.GET('/users/{user}/why', { params: { path: { user }, query: ask } })),
    // An answer is for the moment at which it was asked.
    staleTime: 0,
  })
}

export const rolesQuery = queryOptions({
  queryKey: [...keys.roles, 'all'],
  queryFn: async () => (await must(api.GET('/roles'))).items,
})

export function roleQuery(id: string) {
  return queryOptions({
    queryKey: keys.role(id),
    queryFn: () => must(api.GET('/roles/{role}', { params: { path: { role: id } } })),
  })
}

export function roleGrantsQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.role(id), 'grants'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(api.GET('/roles/{role}/grants', { params: { path: { role: id }, query: paged(pageParam) } })),
    getNextPageParam: (last) => last.next ?? undefined,
  })
}

export const locationsQuery = queryOptions({
  queryKey: keys.locations,
  queryFn: async () => (await must(api.GET('/locations'))).items,
  staleTime: 60_000,
})
