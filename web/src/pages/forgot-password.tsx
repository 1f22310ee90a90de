import { Link, useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { DoorFrame } from '~/components/door-frame'
import { FormProblem } from '~/components/problem-view'
import { usePage } from '~/stores/page'
import { Button, type ButtonLook, buttonClass } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { cx } from '~/util/cx'

const WORDS: Record<string, string> = {
  mail_off: 'This panel sends no mail. Ask an admin for another password.',
}

/** Asks for a link with which to set another password. */
export function ForgotPasswordPage() {
  const [login, setLogin] = useState('')
  const [asked, setAsked] = useState(false)
  usePage('Forgotten password')
  if (asked) return <Asked onAgain={() => setAsked(false)} />
  return (
    <DoorFrame
      title="Forgot your password?"
      note="A link with which you choose another one goes to your account’s e-mail address."
    >
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
        label="E-mail or user name"
        error={problem?.fields.login ?? (tried && !login.trim() ? 'Which account is it?' : undefined)}
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
        <FormProblem error={problem} said={WORDS[problem.code] ?? attemptsText(problem)} />
      )}
      <Button type="submit" look="primary" size="lg" busy={busy} className="mt-1 w-full">
        Send me a link
      </Button>
    </form>
  )
}

const focused = (element: HTMLElement | null) => element?.focus()

/** The same for names that nobody has: whoever asks learns nothing of others' accounts. */
function Asked({ onAgain }: { onAgain: () => void }) {
  return (
    <DoorFrame
      title="Look into your mail"
      note={
        <span ref={focused} tabIndex={-1} role="status" className="text-t1 outline-none">
          If there is such an account, a link is on its way to its address. It is good for an hour.
        </span>
      }
    >
      <p className="mb-5 text-t3">Nothing there after some minutes? Look among the unwanted mail.</p>
      <ToLogin look="secondary" />
      <Button look="quiet" size="lg" className="mt-2 w-full" onClick={onAgain}>
        Ask with another name
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
      Back to sign in
    </Link>
  )
}
