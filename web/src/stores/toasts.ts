import { useSyncExternalStore } from 'react'
import { asProblem } from '~/api/problem'

export interface Toast {
  id: number
  kind: 'done' | 'note' | 'error'
  title: string
  text?: string | undefined
  requestId?: string | undefined
  action?: { label: string; act: () => void } | undefined
}

let toasts: Toast[] = []
let nextId = 1
const listeners = new Set<() => void>()

function emit(next: Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

/** Results of background work. Errors stay until closed, the rest leaves by itself. */
export const toast = {
  show(entry: Omit<Toast, 'id'>): void {
    emit([...toasts.slice(-3), { ...entry, id: nextId++ }])
  },
  done(title: string, text?: string): void {
    toast.show({ kind: 'done', title, text })
  },
  error(title: string, error: unknown): void {
    const problem = asProblem(error)
    toast.show({ kind: 'error', title, text: problem.message, requestId: problem.requestId })
  },
  close(id: number): void {
    emit(toasts.filter((t) => t.id !== id))
  },
}

export function useToasts(): Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
}
