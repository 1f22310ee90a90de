import { useEffect, useRef, useState } from 'react'
import { api, must } from '~/api/client'
import type { SignedIn } from '~/api/types'
import { askPasskey, isDismissed, passkeysFillFields } from '~/util/passkey'

/** The panel forgets its offer after five minutes; the browser needs a moment of them. */
const FRESH_MS = 4 * 60_000

interface Offer {
  state: string
  options: object
  at: number
}

interface Props {
  /** Somebody tries: what stands there of an earlier try is old. */
  onTry: () => void
  onSignedIn: (user: SignedIn['user']) => Promise<void>
  /** Whether it is told elsewhere why it failed. */
  onRefused: (error: unknown) => boolean
}

/** Signs in with a passkey: from the list at the name field while nothing else is asked, or when `press`ed. */
export function usePasskeySignIn(props: Props) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [round, setRound] = useState(0)
  const kept = useRef<Offer>(undefined)
  const asking = useRef<AbortController>(undefined)
  const latest = useRef(props)
  latest.current = props

  async function offer(): Promise<Offer> {
    if (!kept.current || Date.now() - kept.current.at > FRESH_MS) {
      kept.current = undefined
      const { state, options } = await must(api.POST('/session/passkey/offer'))
      kept.current = { state, options, at: Date.now() }
    }
    return kept.current
  }

  function ask(): AbortController {
    // A browser has one question open at a time.
    asking.current?.abort()
    asking.current = new AbortController()
    return asking.current
  }

  async function enter({ state }: Offer, credential: object): Promise<void> {
    // Good once, whatever the panel says to it.
    kept.current = undefined
    const { user } = await must(
      api.POST('/session/passkey', { body: { state, credential: credential as Record<string, never> } }),
    )
    await latest.current.onSignedIn(user)
  }

  async function attempt(signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    setBusy(true)
    setError(undefined)
    latest.current.onTry()
    try {
      await act()
    } catch (thrown) {
      if (signal.aborted) return
      if (!isDismissed(thrown) && !latest.current.onRefused(thrown)) setError(thrown)
      setBusy(false)
    }
  }

  async function press(): Promise<void> {
    const { signal } = ask()
    await attempt(signal, async () => {
      const made = await offer()
      await enter(made, await askPasskey(made.options, signal))
    })
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` asks again, with an offer that is fresh.
  useEffect(() => {
    if (busy) return
    const { signal } = ask()
    async function wait() {
      if (!(await passkeysFillFields()) || signal.aborted) return
      const made = await offer()
      if (signal.aborted) return
      const credential = await askPasskey(made.options, signal, 'conditional')
      // The question is answered: what cleans up after it must not end what follows.
      asking.current = new AbortController()
      await attempt(asking.current.signal, () => enter(made, credential))
    }
    // Nobody has asked for it yet, so a failure is nobody's news.
    wait().catch(() => undefined)
    function renew() {
      const old = kept.current && Date.now() - kept.current.at > FRESH_MS
      if (old && !document.hidden) setRound((n) => n + 1)
    }
    const timer = window.setInterval(renew, 10_000)
    document.addEventListener('visibilitychange', renew)
    return () => {
      window.clearInterval(timer)
      document.removeEventListener('visibilitychange', renew)
    }
  }, [busy, round])

  useEffect(() => () => asking.current?.abort(), [])

  return { busy, error, press }
}
