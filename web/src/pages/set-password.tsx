import { Link, useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { DoorFrame } from '~/components/door-frame'
import { FormProblem } from '~/components/problem-view'
import { isFine, NewPasswordFields, NOTHING_TYPED } from '~/forms/new-password'
import { useHashToken } from '~/hooks/use-hash-token'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { passwordSet } from '~/stores/password-set'
import { Button, buttonClass } from '~/ui/button'
import { cx } from '~/util/cx'

const t = texts('door')

/** Where the links of mails lead: the first password of an invitation, and another one for who forgot theirs. */
export function SetPasswordPage() {
  const token = useHashToken()
  usePage(t('set.page'))
  if (token === undefined)
    return (
      <NoLink title={t('link.missing')} note={t('link.missing_note')}>
        {t('set.missing')}
      </NoLink>
    )
  return <ByLink key={token} token={token} />
}

function ByLink({ token }: { token: string }) {
  const navigate = useNavigate()
  const [typed, setTyped] = useState(NOTHING_TYPED)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()

  async function submit(event: FormEvent) {
    event.preventDefault()
    setTried(true)
    if (!isFine(typed) || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await must(api.PUT('/password-links', { body: { token, new_password: typed.fresh } }))
      // All log-ins of the account have ended, this browser's among them.
      queryClient.removeQueries({ queryKey: keys.session })
      passwordSet.note()
      await navigate({ to: '/login', replace: true })
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }

  const problem = error ? asProblem(error) : undefined
  if (problem?.fields.token)
    return (
      <NoLink title={t('link.dead')} note={t('set.dead_note')}>
        {t('set.dead')}
      </NoLink>
    )
  return (
    <DoorFrame title={t('set.title')} note={t('set.note')}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        <NewPasswordFields
          autoFocus
          typed={typed}
          tried={tried}
          refused={problem?.fields.new_password}
          onChange={setTyped}
        />
        {problem && !problem.fields.new_password && (
          <FormProblem error={problem} said={attemptsText(problem)} />
        )}
        <Button type="submit" look="primary" size="lg" busy={busy} className="mt-1 w-full">
          {t('set.submit')}
        </Button>
      </form>
    </DoorFrame>
  )
}

const focused = (element: HTMLElement | null) => element?.focus()

function NoLink({ title, note, children }: { title: string; note: string; children: string }) {
  return (
    <DoorFrame title={title} note={note}>
      <p ref={focused} tabIndex={-1} role="alert" className="mb-5 text-14 outline-none">
        {children}
      </p>
      <Link to="/forgot-password" className={cx(buttonClass('primary', 'lg', false), 'w-full')}>
        {t('set.again')}
      </Link>
      <Link to="/login" className={cx(buttonClass('quiet', 'lg', false), 'mt-2 w-full')}>
        {t('sign_in')}
      </Link>
    </DoorFrame>
  )
}
