import { queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { everyPage, keys, paged } from './queries'

export const eggsQuery = queryOptions({
  queryKey: keys.eggs,
  queryFn: () => everyPage((cursor) => must(api.GET('/eggs', { params: { query: paged(cursor) } }))),
})

/** The groups that eggs are in. */
export const nestsQuery = queryOptions({
  queryKey: keys.nests,
  queryFn: async () => (await must(api.GET('/nests'))).items,
})

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
