import type { Narrow } from '~/api/server-lists'
import type { Node, ServerState, ServerSummary, ServerTally } from '~/api/types'
import type { ServerFilter } from '~/router'
import { FAMILY, type Family, shownState } from './state'

/** What a filter's chip stands for: a family of what is shown, and the observed states behind it. */
const FILTERS: Record<ServerFilter, { family: Family; states: ServerState[] }> = {
  running: { family: 'run', states: ['running'] },
  moving: { family: 'move', states: ['installing', 'starting', 'stopping'] },
  failed: { family: 'fail', states: ['crashed', 'error'] },
  // A condition that is laid over the state: no state of its own.
  look: { family: 'warn', states: [] },
  stopped: { family: 'stop', states: ['stopped', 'new'] },
}

export function inFilter(server: ServerSummary, filter: ServerFilter): boolean {
  return FAMILY[shownState(server)] === FILTERS[filter].family
}

/** Whether a server has the text in what is shown of it. */
export function matches(server: ServerSummary, needle: string): boolean {
  const text = needle.trim().toLowerCase()
  if (!text) return true
  return [server.name, server.egg.name, server.node.name, server.address?.display, server.id].some((part) =>
    part?.toLowerCase().includes(text),
  )
}

export function awayNodes(nodes: Node[]): Node[] {
  return nodes.filter((node) => node.state === 'offline')
}

/** What is asked of control for the filters of a page, where the fleet is too large to be filtered here. */
export function narrowOf(
  ask: { q?: string | undefined; state?: ServerFilter | undefined; node?: string | undefined },
  away: string[],
): Narrow {
  const search = ask.q?.trim()
  const nodes = ask.node ? [ask.node] : undefined
  const narrow: Narrow = {
    ...(search ? { search } : {}),
    ...(nodes ? { nodes } : {}),
  }
  if (ask.state === 'look') return { ...narrow, nodes: away.filter((id) => !nodes || nodes.includes(id)) }
  return ask.state ? { ...narrow, states: FILTERS[ask.state].states } : narrow
}

/** How many a filter holds, from rows in hand. */
export function countIn(servers: ServerSummary[], filter: ServerFilter): number {
  return servers.filter((server) => inFilter(server, filter)).length
}

/** The same from control's count of observed states; what needs a look is what stands on nodes that are away. */
export function countOf(tally: ServerTally, filter: ServerFilter, away: Node[]): number {
  if (filter === 'look') return away.reduce((sum, node) => sum + node.servers.total, 0)
  return FILTERS[filter].states.reduce((sum, state) => sum + tally[state], 0)
}
