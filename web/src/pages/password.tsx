import { useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, Problem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { FormProblem } from '~/components/problem-view'
import { usePage } from '~/stores/page'
import { Button } from '~/ui/button'
import { DoorFrame, PasswordField } from './login'

const SHORTEST = 10

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
  const [fresh, setFresh] = useState('')
  const [again, setAgain] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [tried, setTried] = useState(false)

  const short = fresh.length < SHORTEST ? `At least ${SHORTEST} characters` : undefined
  const differs = again !== fresh ? 'This is not the same' : undefined
  const problem = error ? asProblem(error) : undefined

  async function submit(event: FormEvent) {
    event.preventDefault()
    setTried(true)
    if (short || differs || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await must(api.PUT('/account/password', { body: { current_password: current, new_password: fresh } }))
      await onDone()
      setCurrent('')
      setFresh('')
      setAgain('')
      setTried(false)
    } catch (thrown) {
      setError(thrown)
    } finally {
      setBusy(false)
    }
  }

  const wrongCurrent =
    problem?.fields.current_password ??
    (problem?.code === 'bad_credentials' ? 'This is not the current password' : undefined)
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <PasswordField
        label="Current password"
        value={current}
        autoComplete="current-password"
        onChange={setCurrent}
        error={wrongCurrent}
      />
      <PasswordField
        label="New password"
        value={fresh}
        autoComplete="new-password"
        onChange={setFresh}
        help={`At least ${SHORTEST} characters; a sentence is fine`}
        error={problem?.fields.new_password ?? (tried ? short : undefined)}
      />
      <PasswordField
        label="New password again"
        value={again}
        autoComplete="new-password"
        onChange={setAgain}
        error={tried ? differs : undefined}
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
        Change password
      </Button>
    </form>
  )
}

export function PasswordPage() {
  const { next } = useSearch({ from: '/password' })
  const navigate = useNavigate()
  usePage('New password')
  return (
    <DoorFrame
      title="Choose a password"
      note="The first one was for the door only. Your other sessions end with the change."
    >
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
