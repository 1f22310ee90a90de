import { useLayoutEffect, useState } from 'react'

function tokenInAddress(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get('token') || undefined
}

function hide(): void {
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search)
}

/** The secret behind `#token=`. It leaves the address at once: what stands there is shown, kept and copied. */
export function useHashToken(): string | undefined {
  const [token, setToken] = useState(tokenInAddress)
  useLayoutEffect(() => {
    // Another link that is opened over this page changes only what stands behind the `#`: nothing loads anew.
    function take() {
      const next = tokenInAddress()
      if (next) setToken(next)
      hide()
    }
    hide()
    window.addEventListener('hashchange', take)
    return () => window.removeEventListener('hashchange', take)
  }, [])
  return token
}
