import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { keys, queryClient, sessionQuery } from '~/api/queries'
import { DoorFrame } from '~/components/door-frame'
import { SecondFactorBegin } from '~/forms/second-factor-begin'
import { useSignOut } from '~/hooks/use-sign-out'
import { usePage } from '~/stores/page'
import { Button } from '~/ui/button'

/** Where the panel wants a second step at sign-in, before anything else works. */
export function SecondStepPage() {
  const { next } = useSearch({ from: '/second-step' })
  const navigate = useNavigate()
  const session = useQuery(sessionQuery)
  const signOut = useSignOut()
  usePage('Two-step sign-in')
  return (
    <DoorFrame
      title="Set up two-step sign-in"
      note="This panel wants it for your account before anything else works: signing in then takes your password and a code that an app on your phone shows."
    >
      <SecondFactorBegin
        wide
        account={session.data?.user.username ?? ''}
        onDone={async () => {
          queryClient.removeQueries({ queryKey: keys.session })
          await navigate({ to: next ?? '/' })
        }}
      />
      <Button look="quiet" size="lg" className="mt-2 w-full" onClick={signOut}>
        Sign out
      </Button>
    </DoorFrame>
  )
}
