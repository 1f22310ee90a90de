import { useSyncExternalStore } from 'react'

let now = Date.now()
let timer: number | undefined
const listeners = new Set<() => void>()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= window.setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      window.clearInterval(timer)
      timer = undefined
    }
  }
}

/** The time, once a second, from one timer however many ages are on the page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => {
    // The first reader after a pause must not see an old time; whole seconds, so that two reads agree.
    if (timer === undefined) now = Math.floor(Date.now() / 1000) * 1000
    return now
  })
}
