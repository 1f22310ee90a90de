import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { asProblem, attemptsText } from '~/api/problem'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { DialogFoot } from '~/ui/dialog'
import { CodeField } from './code-field'
import { OwnPassword } from './own-password'

const t = texts('common')

export interface Proof {
  current_password: string
  code: string
}

/** Asks for password and code once more, before what weakens or renews the second step. */
export function SecondFactorProve<T>({
  verb,
  destroys = false,
  act,
  onDone,
  onClose,
}: {
  verb: string
  destroys?: boolean
  act: (proof: Proof) => Promise<T>
  onDone: (made: T) => void
  onClose: () => void
}) {
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [recovery, setRecovery] = useState(false)
  const acting = useMutation({
    mutationFn: () => act({ current_password: password, code: code.trim() }),
    onSuccess: onDone,
  })
  const problem = acting.error ? asProblem(acting.error) : undefined
  const waits = problem && attemptsText(problem)
  const fields = problem?.fields ?? {}
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!acting.isPending) acting.mutate()
      }}
    >
      <OwnPassword value={password} autoFocus onChange={setPassword} error={fields.current_password} />
      <CodeField
        value={code}
        recovery={recovery}
        error={fields.code ?? waits}
        onChange={setCode}
        onRecovery={setRecovery}
      />
      {problem && !waits && !fields.current_password && !fields.code && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" look={destroys ? 'destroy' : 'primary'} busy={acting.isPending}>
          {verb}
        </Button>
      </DialogFoot>
    </form>
  )
}
