import { FingerprintPattern } from 'lucide-react'
import { isProblem } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import type { SignedIn } from '~/api/types'
import { usePasskeySignIn } from '~/hooks/use-passkey-sign-in'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { browserRefusal } from '~/util/passkey'
import { DoorError } from './door-frame'

const t = texts('door')

function refusal(error: unknown): string {
  const said = browserRefusal(error)
  if (said) return said
  const problem = asProblem(error)
  return problem.code === 'bad_passkey'
    ? t('login.passkey_unknown')
    : (attemptsText(problem) ?? problem.message)
}

/** The way in without a password. While it stands there, the name field offers passkeys too. */
export function PasskeySignIn({
  onTry,
  onSuspended,
  onSignedIn,
}: {
  onTry: () => void
  onSuspended: (said: string) => void
  onSignedIn: (user: SignedIn['user']) => Promise<void>
}) {
  const { busy, error, press } = usePasskeySignIn({
    onTry,
    onSignedIn,
    onRefused: (thrown) => {
      const suspended = isProblem(thrown, 'account_suspended')
      if (suspended) onSuspended(asProblem(thrown).message)
      return suspended
    },
  })
  return (
    <div>
      <Button size="lg" icon={FingerprintPattern} busy={busy} className="w-full" onClick={() => void press()}>
        {t('login.passkey')}
      </Button>
      {error !== undefined && <DoorError>{refusal(error)}</DoorError>}
    </div>
  )
}
