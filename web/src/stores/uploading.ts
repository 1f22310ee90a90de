import { useSyncExternalStore } from 'react'

/** Whether anything was uploaded from this page yet. Apart from the queue, so that the first page need not carry that. */
let begun = false
const listeners = new Set<() => void>()

export function noteUploading(): void {
  if (begun) return
  begun = true
  for (const listener of listeners) listener()
}

export function useUploading(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => begun,
  )
}
