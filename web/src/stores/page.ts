import { useEffect, useSyncExternalStore } from 'react'
import { visible } from '~/util/visible'

export interface Crumb {
  label: string
  to?: string
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
    document.title = title === 'Warren' ? title : `${visible(title)} · Warren`
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
