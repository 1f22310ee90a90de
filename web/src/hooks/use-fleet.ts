import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { nodesQuery } from '~/api/queries'
import { merged, serverPagesQuery, tallyQuery } from '~/api/server-lists'
import type { Node, ServerSummary } from '~/api/types'
import type { ServerFilter } from '~/router'
import { awayNodes, countIn, countOf } from '~/util/fleet'
import { useMay } from './use-may'

export interface Fleet {
  /** The newest servers; all of them when the fleet is whole. */
  servers: ServerSummary[] | undefined
  /** All there are fit on one page: they are searched and filtered here, also by what control has no filter for. */
  whole: boolean | undefined
  total: number | undefined
  nodes: Node[]
  count: (filter: ServerFilter) => number | undefined
  error: unknown
  retry: () => void
}

/** The servers that one may see: in hand where they are few, or else their newest and control's count of them. */
export function useFleet(): Fleet {
  const { somewhere } = useMay()
  const { data: nodes = [] } = useQuery({ ...nodesQuery, enabled: somewhere('node.read') })
  const pages = useInfiniteQuery(serverPagesQuery())
  const { data: tally } = useQuery(tallyQuery)
  const servers = pages.data && merged(pages.data.pages)
  const whole = pages.data && pages.data.pages[0]?.[0]?.next === null
  return {
    servers,
    whole,
    total: whole ? servers?.length : tally?.total,
    nodes,
    count: (filter) =>
      whole ? countIn(servers ?? [], filter) : tally && countOf(tally, filter, awayNodes(nodes)),
    error: pages.data ? undefined : pages.error,
    retry: () => void pages.refetch(),
  }
}
