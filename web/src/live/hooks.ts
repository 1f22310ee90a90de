import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { acquire, live, release, type ServerLive } from './live'
import type { LineState } from './socket'

/** Watches a server as long as the component is there; re-renders with its figures, about once a second. */
export function useServerLive(server: string): ServerLive {
  const watched = useMemo(() => {
    const found = acquire(server)
    // The effect below takes its own hold; this one only bridges the time until it runs.
    setTimeout(() => release(server), 0)
    return found
  }, [server])
  useEffect(() => {
    acquire(server)
    return () => release(server)
  }, [server])
  useSyncExternalStore(watched.subscribe, watched.snapshot)
  return watched
}

export function useLine(): LineState {
  return useSyncExternalStore(
    (listener) => live.onLine(listener),
    () => live.line,
  )
}
