import { useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, Problem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { DoorFrame } from '~/components/door-frame'
import { FormProblem } from '~/components/problem-view'
import { isFine, NewPasswordFields, NOTHING_TYPED } from '~/forms/new-password'
import { OwnPassword, useHasPassword } from '~/forms/own-password'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Button } from '~/ui/button'

const t = texts('door')

/** Changes the password; also the page at first login, before anything else works. */
export function PasswordForm({
  onDone,
  wide = false,
}: {
  onDone: () => Promise<void> | void
  /** Alone on its page. */
  wide?: boolean
}) {
  const [current, setCurrent] = useState('')
  const [typed, setTyped] = useState(NOTHING_TYPED)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [tried, setTried] = useState(false)

  const problem = error ? asProblem(error) : undefined

  async function submit(event: FormEvent) {
    event.preventDefault()
    setTried(true)
    if (!isFine(typed) || busy) return
    setBusy(true)
    setError(undefined)
    try {
      const body = { current_password: current, new_password: typed.fresh }
      await must(api.PUT('/account/password', { body }))
      await onDone()
      // Somebody who had none has one now.
      await queryClient.invalidateQueries({ queryKey: keys.session })
      setCurrent('')
      setTyped(NOTHING_TYPED)
      setTried(false)
    } catch (thrown) {
      setError(thrown)
    } finally {
      setBusy(false)
    }
  }

  const has = useHasPassword()
  const wrongCurrent =
    problem?.fields.current_password ??
    (problem?.code === 'bad_credentials' ? t('password.not_current') : undefined)
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <OwnPassword label={t('password.current')} value={current} onChange={setCurrent} error={wrongCurrent} />
      <NewPasswordFields
        typed={typed}
        tried={tried}
        refused={problem?.fields.new_password}
        onChange={setTyped}
      />
      {problem instanceof Problem && !wrongCurrent && !problem.fields.new_password && (
        <FormProblem error={problem} />
      )}
      <Button
        type="submit"
        look="primary"
        size={wide ? 'lg' : 'md'}
        busy={busy}
        className={wide ? 'mt-1 w-full' : 'sm:self-end'}
      >
        {t(has ? 'password.change' : 'password.set')}
      </Button>
    </form>
  )
}

export function PasswordPage() {
  const { next } = useSearch({ from: '/password' })
  const navigate = useNavigate()
  usePage(t('set.page'))
  return (
    <DoorFrame title={t('set.title')} note={t('first.note')}>
      <PasswordForm
        wide
        onDone={async () => {
          queryClient.removeQueries({ queryKey: keys.session })
          await navigate({ to: next ?? '/' })
        }}
      />
    </DoorFrame>
  )
}
