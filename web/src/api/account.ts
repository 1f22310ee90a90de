import { queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { keys } from './queries'

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

export const passkeysQuery = queryOptions({
  queryKey: keys.passkeys,
  queryFn: async () => (await must(api.GET('/account/passkeys'))).items,
})

export const secondFactorQuery = queryOptions({
  queryKey: keys.secondFactor,
  queryFn: () => must(api.GET('/account/second-factor')),
})
