import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { frontQuery } from '~/api/queries'
import { DoorFrame } from '~/components/door-frame'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Button, type ButtonLook, buttonClass } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { cx } from '~/util/cx'

const t = texts('sign_up')

/** Asks for an account of one's own, where the panel lets anybody. */
export function SignUpPage() {
  const front = useQuery(frontQuery)
  const [asked, setAsked] = useState<string>()
  usePage(t('page'))
  if (asked) return <Asked email={asked} />
  const closed = front.data?.sign_up === false
  return (
    <DoorFrame title={t('page')} note={closed ? t('closed') : t('note')}>
      {!closed && <AskForm onAsked={setAsked} />}
      <ToLogin look="quiet" className="mt-2" />
    </DoorFrame>
  )
}

function AskForm({ onAsked }: { onAsked: (email: string) => void }) {
  const [username, setUsername] = useState('')
  const [email, setEmail] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    setError(undefined)
    try {
      await must(api.POST('/sign-up', { body: { username: username.trim(), email: email.trim() } }))
      onAsked(email.trim())
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }

  const problem = error ? asProblem(error) : undefined
  const fields = problem?.fields ?? {}
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      <Field label={t('name')} help={t('name_help')} error={fields.username}>
        {(ids) => (
          <Input
            {...ids}
            value={username}
            autoComplete="username"
            autoFocus
            autoCapitalize="none"
            spellCheck={false}
            required
            maxLength={64}
            onChange={({ target }) => setUsername(target.value)}
            className="sm:h-10! sm:text-14!"
          />
        )}
      </Field>
      <Field label={t('email')} error={fields.email}>
        {(ids) => (
          <Input
            {...ids}
            type="email"
            value={email}
            autoComplete="email"
            required
            maxLength={254}
            onChange={({ target }) => setEmail(target.value)}
            className="sm:h-10! sm:text-14!"
          />
        )}
      </Field>
      {problem && !fields.username && !fields.email && (
        <FormProblem
          error={problem}
          said={problem.code === 'sign_up_closed' ? t('closed') : attemptsText(problem)}
        />
      )}
      <Button type="submit" look="primary" size="lg" busy={busy} className="mt-1 w-full">
        {t('send')}
      </Button>
    </form>
  )
}

const focused = (element: HTMLElement | null) => element?.focus()

/** The same for addresses that have an account: whoever asks learns nothing of others. */
function Asked({ email }: { email: string }) {
  return (
    <DoorFrame
      title={t('asked')}
      note={
        <span ref={focused} tabIndex={-1} role="status" className="text-t1 outline-none">
          {t('asked_note', { email })}
        </span>
      }
    >
      <p className="mb-5 text-t3">{t('spam')}</p>
      <ToLogin look="secondary" />
    </DoorFrame>
  )
}

function ToLogin({ look, className }: { look: ButtonLook; className?: string }) {
  return (
    <Link to="/login" className={cx(buttonClass(look, 'lg', false), 'w-full', className)}>
      {t('back')}
    </Link>
  )
}
