import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import type { Provider } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { providerProblem } from '~/components/provider-sign-in'
import { useLeaving } from '~/hooks/use-leaving'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { visible } from '~/util/visible'
import { OwnPassword } from './own-password'

const t = texts('account')
const common = texts('common')

/** Proves the person, then leaves for the provider, which sends them back to the account. */
export function ConnectLoginDialog({
  provider,
  onClose,
}: {
  /** Nothing is asked without one. */
  provider: Provider | undefined
  onClose: () => void
}) {
  return (
    <Dialog
      open={provider !== undefined}
      onClose={onClose}
      title={t('logins.connect_of', { provider: visible(provider?.name ?? '') })}
      note={t('logins.connect_note')}
    >
      {provider && <ConnectForm {...{ provider, onClose }} />}
    </Dialog>
  )
}

function ConnectForm({ provider: { id }, onClose }: { provider: Provider; onClose: () => void }) {
  const [password, setPassword] = useState('')
  const { busy, error, go } = useLeaving((current_password: string) =>
    must(api.POST('/account/logins', { body: { provider: id, current_password } })),
  )
  const problem = error ? asProblem(error) : undefined
  const wrong = problem && (problem.fields.current_password ?? attemptsText(problem))
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        go(password)
      }}
    >
      <OwnPassword
        value={password}
        autoFocus
        help={t('logins.why_password')}
        onChange={setPassword}
        error={wrong}
      />
      {problem && !wrong && <FormProblem error={problem} said={providerProblem(problem)} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={busy}>
          {t('go_on')}
        </Button>
      </DialogFoot>
    </form>
  )
}
