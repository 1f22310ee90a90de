import { useNavigate, useSearch } from '@tanstack/react-router'
import { Eye, EyeOff } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { Logo } from '~/components/logo'
import { usePage } from '~/stores/page'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { plural } from '~/util/format'
import { readable } from '~/util/readable'

export function PasswordField({
  label,
  value,
  autoComplete,
  onChange,
  error,
  help,
}: {
  label: string
  value: string
  autoComplete: 'current-password' | 'new-password'
  onChange: (value: string) => void
  error?: string | undefined
  help?: string
}) {
  const [shown, setShown] = useState(false)
  const Icon = shown ? EyeOff : Eye
  return (
    <Field label={label} error={error} help={help}>
      {(ids) => (
        <span className="relative block">
          <Input
            {...ids}
            type={shown ? 'text' : 'password'}
            value={value}
            autoComplete={autoComplete}
            required
            onChange={(event) => onChange(event.target.value)}
            className="pr-10 sm:h-10! sm:text-14!"
          />
          <button
            type="button"
            aria-label={shown ? 'Hide the password' : 'Show the password'}
            onClick={() => setShown(!shown)}
            className="absolute inset-y-0 right-0 flex w-10 items-center justify-center text-t3 hover:text-t1"
          >
            <Icon aria-hidden="true" size={16} strokeWidth={1.75} />
          </button>
        </span>
      )}
    </Field>
  )
}

export function DoorFrame({
  title,
  note,
  children,
}: {
  title: string
  note: string
  children: React.ReactNode
}) {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center px-5 py-8">
      <div className="w-full max-w-90">
        <Logo size={40} />
        <h1 className="mt-6 text-28 font-semibold tracking-[-0.02em]">{title}</h1>
        <p className="mt-1 mb-6 text-14 text-t2">{note}</p>
        {readable(location) && (
          <div className="mb-5">
            <Banner family="warn" shape="look" title="This page is not encrypted">
              A password typed here can be read on its way. Start the panel with --public for HTTPS.
            </Banner>
          </div>
        )}
        {children}
      </div>
    </main>
  )
}

export function LoginPage() {
  const { next } = useSearch({ from: '/login' })
  const navigate = useNavigate()
  const [login, setLogin] = useState('')
  const [password, setPassword] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  usePage('Sign in')

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    setError(undefined)
    try {
      const { user } = await must(api.POST('/session', { body: { login: login.trim(), password } }))
      queryClient.removeQueries({ queryKey: keys.session })
      if (user.must_change_password) await navigate({ to: '/password', search: next ? { next } : {} })
      else await navigate({ to: next ?? '/' })
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }

  const problem = error ? asProblem(error) : undefined
  const said =
    problem?.code === 'bad_credentials'
      ? 'The name or the password is wrong.'
      : problem?.code === 'too_many_attempts'
        ? `Too many attempts. Try again ${problem.retryAfterS ? `in ${plural(problem.retryAfterS, 'second')}` : 'later'}.`
        : problem?.message

  return (
    <DoorFrame title="Sign in to Warren" note={location.host}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label="E-mail or user name">
          {(ids) => (
            <Input
              {...ids}
              value={login}
              autoComplete="username"
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
          label="Password"
          value={password}
          autoComplete="current-password"
          onChange={setPassword}
          error={said}
        />
        <Button type="submit" look="primary" size="lg" busy={busy} className="mt-1 w-full">
          Sign in
        </Button>
      </form>
    </DoorFrame>
  )
}
