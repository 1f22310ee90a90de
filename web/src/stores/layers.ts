import { useSyncExternalStore } from 'react'

/** What floats over the page and is opened from anywhere: by key, by button, by a link in a toast. */
export type Layer = 'palette' | 'tray' | 'shortcuts' | 'more'

let open: Layer | undefined
const listeners = new Set<() => void>()

export const layers = {
  show(layer: Layer | undefined): void {
    open = layer
    for (const listener of listeners) listener()
  },
  toggle(layer: Layer): void {
    layers.show(open === layer ? undefined : layer)
  },
}

export function useLayer(): Layer | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => open,
  )
}
