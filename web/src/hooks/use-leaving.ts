import { useMutation } from '@tanstack/react-query'
import { useEffect } from 'react'
import { leaveFor } from '~/util/sso'

/** Asks where to go and goes there: busy from the press until the page is left. */
export function useLeaving<T>(ask: (what: T) => Promise<{ url: string }>) {
  const asking = useMutation({
    mutationFn: async (what: T) => leaveFor((await ask(what)).url),
  })
  const { reset } = asking
  useEffect(() => {
    // The browser's "back" may bring the page as it was left: waiting.
    const back = (event: PageTransitionEvent) => event.persisted && reset()
    window.addEventListener('pageshow', back)
    return () => window.removeEventListener('pageshow', back)
  }, [reset])
  const { isPending, isSuccess, variables, error, mutate } = asking
  const busy = isPending || isSuccess
  return { busy, going: busy ? variables : undefined, error, go: (what: T) => busy || mutate(what) }
}
