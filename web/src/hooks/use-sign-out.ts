import { useNavigate } from '@tanstack/react-router'
import { api, must } from '~/api/client'
import { queryClient } from '~/api/queries'
import { live } from '~/live/live'
import { forgetView } from '~/stores/view-as'

/** Ends the session here and on the panel; what was read with it is forgotten. */
export function useSignOut(): () => void {
  const navigate = useNavigate()
  return () => {
    void must(api.DELETE('/session'))
      .catch(() => undefined)
      .then(() => {
        live.stop()
        forgetView()
        queryClient.clear()
        return navigate({ to: '/login' })
      })
  }
}
