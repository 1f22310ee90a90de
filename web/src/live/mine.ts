import { keys, queryClient } from '~/api/queries'
import { patchListed, tallyQuery } from '~/api/server-lists'
import type { Server, ServerSummary } from '~/api/types'
import { live, unheard } from './live'

interface Event {
  type: string
  subject?: string
  data?: Record<string, unknown>
}

const SOON_MS = 150
/** Of a fleet that is always moving somewhere, lists are read anew this often at most. */
const MANY_MS = 5000
const MANY = 100
const waiting = new Set<string>()
let listsAt = 0

function listsWait(): number {
  const many = (queryClient.getQueryData(tallyQuery.queryKey)?.total ?? 0) > MANY
  // A clock that was set back must not hold the lists up.
  return many ? Math.min(MANY_MS, listsAt + MANY_MS - Date.now()) : 0
}

/** A burst of events is one refetch per list, not one per event. */
function refetchSoon(...names: Array<readonly string[]>): void {
  for (const name of names) {
    const key = JSON.stringify(name)
    if (waiting.has(key)) continue
    waiting.add(key)
    const refetch = () => {
      waiting.delete(key)
      if (name === keys.servers) listsAt = Date.now()
      void queryClient.invalidateQueries({ queryKey: name })
    }
    setTimeout(refetch, Math.max(SOON_MS, name === keys.servers ? listsWait() : 0))
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A state is shown from the event itself; the refetch that follows brings the rest. */
function patchState(id: string, data: Record<string, unknown>): void {
  const state = text(data.to) ?? text(data.state)
  if (!state) return
  const change = <T extends ServerSummary>(server: T): T => ({
    ...server,
    state,
    state_since: text(data.at) ?? new Date().toISOString(),
    reason: text(data.reason) ?? null,
    detail: text(data.detail) ?? null,
  })
  patchListed(id, change)
  queryClient.setQueryData<Server>(keys.server(id), (server) => (server ? change(server) : server))
}

export function onEvent(event: Event): void {
  const [kind, id] = (event.subject ?? '').split('/')
  const what = event.type.split('.').at(-1) ?? ''
  if (kind === 'server' && id) {
    if (what === 'state' && event.data) patchState(id, event.data)
    if (what === 'operation' || what === 'job_ended') refetchSoon(keys.operations)
    if (what === 'input' || what === 'console_gap') return
    if (what === 'moved') live.moved(id)
    if (what === 'transfer') {
      // Once a second while files are copied: not all that is shown of the server is read anew for it.
      void queryClient.invalidateQueries({ queryKey: [...keys.server(id), 'transfer'], exact: true })
      return
    }
    refetchSoon(keys.servers, keys.server(id))
    return
  }
  if (kind === 'node' && id) {
    refetchSoon(keys.nodes, keys.node(id), keys.servers)
    // The servers that are looked at, not their files and logs: a node's state is part of theirs.
    void queryClient.invalidateQueries({
      predicate: ({ queryKey }) => queryKey[0] === 'server' && queryKey.length === 2,
    })
    return
  }
  refetchSoon(keys.operations, keys.servers)
}

const UNHEARD_MS = 15_000

export function startLive(): void {
  live.start({
    event: onEvent,
    back: () => refetchSoon(keys.servers, keys.nodes, keys.operations, ['server'], ['node']),
  })
  setInterval(() => {
    if (unheard.servers > 0) refetchSoon(keys.servers, keys.operations)
  }, UNHEARD_MS)
  window.addEventListener('online', () => live.retryNow())
}
