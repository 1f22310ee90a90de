import { useSyncExternalStore } from 'react'
import { parent, within } from '~/util/path'

/** What was copied or cut, to be pasted into another folder of the same server. */
export interface Clipping {
  server: string
  what: 'copy' | 'cut'
  paths: readonly string[]
}

let held: Clipping | undefined
const listeners = new Set<() => void>()

export function hold(clipping: Clipping | undefined): void {
  held = clipping
  for (const listener of listeners) listener()
}

export function useClipping(server: string): Clipping | undefined {
  const clipping = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => held,
  )
  return clipping?.server === server ? clipping : undefined
}

export type Refusal = 'inside_itself' | 'already_there'

/** Why these can't be moved into a folder, or nothing where they can. */
export function moveRefusal(paths: readonly string[], folder: string): Refusal | undefined {
  if (paths.some((path) => within(folder, path))) return 'inside_itself'
  if (paths.every((path) => parent(path) === folder)) return 'already_there'
  return undefined
}
