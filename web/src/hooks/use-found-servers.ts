import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { merged, serverPagesQuery } from '~/api/server-lists'
import type { ServerSummary } from '~/api/types'
import { matches } from '~/util/fleet'
import { useFleet } from './use-fleet'
import { useSettled } from './use-settled'

/** Servers that have the text in what is shown of them; of very many, in their name. */
export function useFoundServers(text: string): { whole: boolean | undefined; found: ServerSummary[] } {
  const fleet = useFleet()
  const needle = text.trim().toLowerCase()
  const asked = useSettled(needle)
  const named = useInfiniteQuery({
    ...serverPagesQuery({ search: asked }),
    placeholderData: keepPreviousData,
    enabled: fleet.whole === false && asked !== '',
    refetchInterval: false,
  })
  const all = fleet.servers ?? []
  if (needle === '') return { whole: fleet.whole, found: all }
  if (fleet.whole === false) return { whole: false, found: merged(named.data?.pages ?? []) }
  return { whole: fleet.whole, found: all.filter((server) => matches(server, needle)) }
}
