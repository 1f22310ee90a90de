import { useEffect, useRef } from 'react'
import { asProblem } from '~/api/problem'
import { changedByUs, ifMatch, known } from '~/api/versions'

interface Versioned {
  version: string
}

/** Keeps which state of a thing the reader of a form had before them when they began to type, so that what somebody else
 * changed meanwhile is told and not overwritten. `fetch` asks for the thing as it is now. */
export function useSeen(id: string, { version }: Versioned, dirty: boolean, fetch: () => Promise<Versioned>) {
  const seen = useRef(version)
  useEffect(() => {
    if (!dirty) seen.current = version
  }, [dirty, version])
  return {
    /** Sends a change for the state that was seen. */
    async send<T extends Versioned>(change: (header: ReturnType<typeof ifMatch>) => Promise<T>): Promise<T> {
      const from = known(id, seen.current)
      try {
        const fresh = await change(ifMatch(from))
        changedByUs(id, from, fresh.version)
        seen.current = fresh.version
        return fresh
      } catch (thrown) {
        if (asProblem(thrown).code === 'changed_meanwhile') {
          // Shown what is there now; who saves once more means it.
          const now = await fetch().catch(() => undefined)
          if (now) seen.current = now.version
        }
        throw thrown
      }
    },
  }
}
