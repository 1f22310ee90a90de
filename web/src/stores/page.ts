import { useEffect, useSyncExternalStore } from 'react'
import { visible } from '~/util/visible'

export interface Crumb {
  label: string
  to?: string
}

const OURS = 'Warren'
let panel = OURS
let shown = OURS

function name(): void {
  document.title =
    shown === OURS || shown === panel ? visible(panel) : `${visible(shown)} · ${visible(panel)}`
}

/** The panel is called so from now on. */
export function retitle(next: string): void {
  panel = next
  name()
}

let crumbs: Crumb[] = []
const listeners = new Set<() => void>()

function emit(next: Crumb[]): void {
  crumbs = next
  for (const listener of listeners) listener()
}

/**
 * Names the page: the tab's title carries name and state, so that several tabs are tellable; crumbs show only
 * where there is a parent.
 */
export function usePage(title: string, trail?: Crumb[]): void {
  useEffect(() => {
    shown = title
    name()
  }, [title])
  const key = JSON.stringify((trail ?? []).map((crumb) => ({ ...crumb, label: visible(crumb.label) })))
  useEffect(() => {
    emit(JSON.parse(key) as Crumb[])
    return () => emit([])
  }, [key])
}

export function useCrumbs(): Crumb[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => crumbs,
  )
}
