import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { tokensQuery } from '~/api/nodes'
import { nodesQuery } from '~/api/queries'
import type { JoinToken, Node } from '~/api/types'

/** The node that came with a token: as the token says, or else the one that was not there before. */
export function arrived(
  nodes: Node[],
  token: Pick<JoinToken, 'used_by'> | undefined,
  before: ReadonlySet<string> | undefined,
): Node | undefined {
  const used = token?.used_by.at(-1)
  return nodes.find((node) => node.id === used) ?? nodes.find((node) => before && !before.has(node.id))
}

/**
 * Waits for the machine on which a join command is run: undefined, then the node, then the node online.
 * `back` is the node that the token takes back: then no other one is meant, however new it is.
 */
export function useArrival(
  token: string | undefined,
  back?: string,
): { node: undefined; online: false } | { node: Node; online: boolean } {
  const wait = token !== undefined && { refetchInterval: 2000 }
  const nodes = useQuery({ ...nodesQuery, ...wait })
  const tokens = useQuery({ ...tokensQuery, enabled: token !== undefined, ...wait })
  const [before, setBefore] = useState<ReadonlySet<string>>()
  useEffect(() => {
    if (before === undefined && nodes.data) setBefore(new Set(nodes.data.map((node) => node.id)))
  }, [nodes.data, before])
  const mine = tokens.data?.find((each) => each.id === token)
  const node = arrived(nodes.data ?? [], mine, back === undefined ? before : undefined)
  return node ? { node, online: node.state === 'online' } : { node: undefined, online: false }
}
