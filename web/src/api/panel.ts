import { queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { keys } from './queries'

export const settingsQuery = queryOptions({
  queryKey: keys.settings,
  queryFn: () => must(api.GET('/settings')),
})

export const consumersQuery = queryOptions({
  queryKey: keys.consumers,
  queryFn: async () => (await must(api.GET('/event-consumers'))).items,
})

export const registriesQuery = queryOptions({
  queryKey: keys.registries,
  queryFn: async () => (await must(api.GET('/registries'))).items,
})
