import { Link, useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { DoorFrame } from '~/components/door-frame'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Button, type ButtonLook, buttonClass } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { cx } from '~/util/cx'

const t = texts('door')

/** Asks for a link with which to set another password. */
export function ForgotPasswordPage() {
  const [login, setLogin] = useState('')
  const [asked, setAsked] = useState(false)
  usePage(t('forgot.page'))
  if (asked) return <Asked onAgain={() => setAsked(false)} />
  return (
    <DoorFrame title={t('login.forgot')} note={t('forgot.note')}>
      <AskForm login={login} onLogin={setLogin} onAsked={() => setAsked(true)} />
      <ToLogin look="quiet" className="mt-2" />
    </DoorFrame>
  )
}

function AskForm({
  login,
  onLogin,
  onAsked,
}: {
  login: string
  onLogin: (login: string) => void
  onAsked: () => void
}) {
  const [busy, setBusy] = useState(false)
  const [tried, setTried] = useState(false)
  const [error, setError] = useState<unknown>()

  async function submit(event: FormEvent) {
    event.preventDefault()
    setTried(true)
    if (!login.trim() || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await must(api.POST('/password-links', { body: { login: login.trim() } }))
      onAsked()
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }

  const problem = error ? asProblem(error) : undefined
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      <Field
        label={t('login.name')}
        error={problem?.fields.login ?? (tried && !login.trim() ? t('forgot.which') : undefined)}
      >
        {(ids) => (
          <Input
            {...ids}
            value={login}
            autoComplete="username"
            autoFocus
            autoCapitalize="none"
            spellCheck={false}
            required
            maxLength={254}
            onChange={(event) => onLogin(event.target.value)}
            className="sm:h-10! sm:text-14!"
          />
        )}
      </Field>
      {problem && !problem.fields.login && (
        <FormProblem
          error={problem}
          said={problem.code === 'mail_off' ? t('forgot.mail_off') : attemptsText(problem)}
        />
      )}
      <Button type="submit" look="primary" size="lg" busy={busy} className="mt-1 w-full">
        {t('forgot.send')}
      </Button>
    </form>
  )
}

const focused = (element: HTMLElement | null) => element?.focus()

/** The same for names that nobody has: whoever asks learns nothing of others' accounts. */
function Asked({ onAgain }: { onAgain: () => void }) {
  return (
    <DoorFrame
      title={t('forgot.asked')}
      note={
        <span ref={focused} tabIndex={-1} role="status" className="text-t1 outline-none">
          {t('forgot.asked_note')}
        </span>
      }
    >
      <p className="mb-5 text-t3">{t('forgot.spam')}</p>
      <ToLogin look="secondary" />
      <Button look="quiet" size="lg" className="mt-2 w-full" onClick={onAgain}>
        {t('forgot.again')}
      </Button>
    </DoorFrame>
  )
}

function ToLogin({ look, className }: { look: ButtonLook; className?: string }) {
  const { next } = useSearch({ from: '/forgot-password' })
  return (
    <Link
      to="/login"
      search={next ? { next } : {}}
      className={cx(buttonClass(look, 'lg', false), 'w-full', className)}
    >
      {t('forgot.back')}
    </Link>
  )
}
