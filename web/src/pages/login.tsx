import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useId, useState } from 'react'
import { api, isProblem, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { frontQuery, keys, providersQuery, queryClient } from '~/api/queries'
import type { SignedIn } from '~/api/types'
import { DoorFrame, DoorOr } from '~/components/door-frame'
import { PasskeySignIn } from '~/components/passkey-sign-in'
import { ProviderSignIn } from '~/components/provider-sign-in'
import { SsoNote } from '~/components/sso-note'
import { SuspendedNote } from '~/components/suspended'
import { CodeField } from '~/forms/code-field'
import { PasswordField } from '~/forms/password-field'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { passwordSet } from '~/stores/password-set'
import { turnedAway } from '~/stores/turned-away'
import { Mark } from '~/ui/badge'
import { Button, buttonClass } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { cx } from '~/util/cx'
import { passkeysWork } from '~/util/passkey'
import { visible } from '~/util/visible'

const t = texts('door')

/** What is said otherwise here than elsewhere. */
function wordsOf(code: string): string | undefined {
  return code === 'bad_credentials' || code === 'bad_code' ? t(`login.${code}`) : undefined
}

export function LoginPage() {
  const { next, sso } = useSearch({ from: '/login' })
  const navigate = useNavigate()
  const [login, setLogin] = useState('')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [step, setStep] = useState<'password' | 'code'>('password')
  const [recovery, setRecovery] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [suspended, setSuspended] = useState(turnedAway.why)
  const [fresh, setFresh] = useState(passwordSet.is)
  const [turned, setTurned] = useState(sso)
  const providers = useQuery(providersQuery).data ?? []
  const front = useQuery(frontQuery).data
  const passkeys = passkeysWork()
  const news = useId()
  usePage(t('sign_in'))

  function back() {
    setStep('password')
    setRecovery(false)
    setCode('')
    setError(undefined)
  }

  function forget() {
    setError(undefined)
    setSuspended(undefined)
    setTurned(undefined)
    setFresh(false)
    turnedAway.forget()
    passwordSet.forget()
  }

  async function enter(user: SignedIn['user']) {
    queryClient.removeQueries({ queryKey: keys.session })
    if (user.must_change_password) await navigate({ to: '/password', search: next ? { next } : {} })
    else await navigate({ to: next ?? '/' })
  }

  async function signIn() {
    const body = { login: login.trim(), password, ...(step === 'code' ? { code: code.trim() } : {}) }
    const { user } = await must(api.POST('/session', { body }))
    await enter(user)
  }

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    forget()
    try {
      await signIn()
    } catch (thrown) {
      if (isProblem(thrown, 'account_suspended')) {
        back()
        setSuspended(asProblem(thrown).message)
      } else if (isProblem(thrown, 'second_factor_needed')) setStep('code')
      else {
        // The password has changed meanwhile: it is asked for where it is typed.
        if (isProblem(thrown, 'bad_credentials')) back()
        if (isProblem(thrown, 'bad_code')) setCode('')
        setError(thrown)
      }
      setBusy(false)
    }
  }

  const problem = error ? asProblem(error) : undefined
  const said = problem && (wordsOf(problem.code) ?? attemptsText(problem) ?? problem.message)

  if (step === 'code') {
    return (
      <DoorFrame title={t('login.two_step')} note={t(recovery ? 'login.recovery_code' : 'login.app_code')}>
        <form onSubmit={submit} className="flex flex-col gap-4">
          <CodeField
            value={code}
            recovery={recovery}
            autoFocus
            error={said}
            onChange={setCode}
            onRecovery={(now) => {
              setRecovery(now)
              setError(undefined)
            }}
          />
          <div className="mt-1 flex flex-col gap-2">
            <Button type="submit" look="primary" size="lg" busy={busy} className="w-full">
              {t('sign_in')}
            </Button>
            <Button look="quiet" size="lg" className="w-full" onClick={back}>
              {t('back')}
            </Button>
          </div>
        </form>
      </DoorFrame>
    )
  }
  return (
    <DoorFrame title={t('login.title', { panel: visible(front?.name ?? 'Warren') })} note={location.host}>
      {suspended !== undefined && <SuspendedNote said={suspended} />}
      {turned && (
        <div className="mb-5">
          <SsoNote code={turned} />
        </div>
      )}
      {fresh && (
        <p id={news} role="status" className="mb-5 flex items-center gap-2 text-t2">
          <Mark shape="ok" family="run" size={14} />
          {t('login.fresh')}
        </p>
      )}
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={t('login.name')}>
          {(ids) => (
            <Input
              {...ids}
              // Heard with the field, which has the focus before a new region would be read.
              aria-describedby={fresh ? news : ids['aria-describedby']}
              value={login}
              autoComplete="username webauthn"
              autoFocus
              autoCapitalize="none"
              spellCheck={false}
              required
              onChange={(event) => setLogin(event.target.value)}
              className="sm:h-10! sm:text-14!"
            />
          )}
        </Field>
        <PasswordField
          label={t('login.password')}
          value={password}
          autoComplete="current-password"
          onChange={setPassword}
          error={said}
        />
        <Button type="submit" look="primary" size="lg" busy={busy} className="mt-1 w-full">
          {t('sign_in')}
        </Button>
      </form>
      <Link
        to="/forgot-password"
        search={next ? { next } : {}}
        className={cx(buttonClass('quiet', 'lg', false), 'mt-2 w-full')}
      >
        {t('login.forgot')}
      </Link>
      {front?.sign_up && (
        <Link to="/sign-up" className={cx(buttonClass('quiet', 'lg', false), 'mt-2 w-full')}>
          {t('login.sign_up')}
        </Link>
      )}
      {(passkeys || providers.length > 0) && <DoorOr />}
      <div className="flex flex-col gap-2">
        {passkeys && <PasskeySignIn onTry={forget} onSuspended={setSuspended} onSignedIn={enter} />}
        {providers.length > 0 && <ProviderSignIn {...{ providers, next }} onTry={forget} />}
      </div>
    </DoorFrame>
  )
}
