import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { sessionQuery } from '~/api/queries'
import type { Session } from '~/api/types'

/** What the reader may on the panel as a whole; on one server its own `permissions` say it. */
export interface Mine {
  user: Session['user'] | undefined
  admin: boolean
  keys: ReadonlySet<string>
  may: (key: string) => boolean
  /** On some node at least: what is worth offering, before one is chosen. */
  somewhere: (key: string) => boolean
}

export function useMay(): Mine {
  const { data } = useQuery(sessionQuery)
  return useMemo(() => {
    const keys = new Set(data?.permissions)
    const there = new Set(data?.permissions_on_nodes)
    return {
      user: data?.user,
      admin: data?.user.admin ?? false,
      keys,
      may: (key) => keys.has(key),
      somewhere: (key) => keys.has(key) || there.has(key),
    }
  }, [data])
}
