import { useEffect } from 'react'
import { uploads } from '~/transfers/queue'
import { parent, steps } from '~/util/path'
import { refreshFolders } from './calls'

/** Reads folders anew in which uploads have ended; a burst of them is one reading. */
export function useLanded(server: string): void {
  useEffect(() => {
    const waiting = new Set<string>()
    let timer: number | undefined
    const end = uploads.onLanded((of, landed) => {
      if (of !== server) return
      waiting.add(parent(`/${landed.replace(/^\/+/, '')}`))
      timer ??= window.setTimeout(() => {
        timer = undefined
        // A folder that came with them is news to all above it.
        void refreshFolders(
          server,
          ...[...waiting].flatMap((each) => ['/', ...steps(each).map((step) => step.path)]),
        )
        waiting.clear()
      }, 300)
    })
    return () => {
      end()
      window.clearTimeout(timer)
    }
  }, [server])
}
