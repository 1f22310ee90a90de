import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { keys, queryClient, sessionQuery } from '~/api/queries'
import { DoorFrame } from '~/components/door-frame'
import { SecondFactorBegin } from '~/forms/second-factor-begin'
import { useSignOut } from '~/hooks/use-sign-out'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Button } from '~/ui/button'

const t = texts('door')

/** Where the panel wants a second step at sign-in, before anything else works. */
export function SecondStepPage() {
  const { next } = useSearch({ from: '/second-step' })
  const navigate = useNavigate()
  const session = useQuery(sessionQuery)
  const signOut = useSignOut()
  usePage(t('login.two_step'))
  return (
    <DoorFrame title={t('second_step.title')} note={t('second_step.note')}>
      <SecondFactorBegin
        wide
        account={session.data?.user.username ?? ''}
        onDone={async () => {
          queryClient.removeQueries({ queryKey: keys.session })
          await navigate({ to: next ?? '/' })
        }}
      />
      <Button look="quiet" size="lg" className="mt-2 w-full" onClick={signOut}>
        {t('second_step.sign_out')}
      </Button>
    </DoorFrame>
  )
}
