import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { DoorFrame } from '~/components/door-frame'
import { FormProblem } from '~/components/problem-view'
import { useHashToken } from '~/hooks/use-hash-token'
import { usePage } from '~/stores/page'
import { Mark } from '~/ui/badge'
import { Button, buttonClass } from '~/ui/button'
import { cx } from '~/util/cx'

/** Where the link of a mail leads that shows whose address it is. */
export function ConfirmEmailPage() {
  const token = useHashToken()
  usePage('Your e-mail address')
  if (token === undefined)
    return (
      <NoLink
        title="The link is missing"
        note="This page works with a link from a mail, and its address holds none."
      >
        It was cut while copying, or the page was loaded again: open the link in your mail once more.
      </NoLink>
    )
  return <ByLink key={token} token={token} />
}

function ByLink({ token }: { token: string }) {
  const confirm = useMutation({
    mutationFn: () => must(api.PUT('/account/email-link', { body: { token } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.session }),
  })
  const problem = confirm.error ? asProblem(confirm.error) : undefined
  if (confirm.isSuccess) return <Confirmed />
  if (problem?.status === 401)
    return (
      <NoLink
        title="Sign in first"
        note="The link is for an account, and nobody is signed in here."
        to="/login"
      >
        Sign in to your account in this browser, then open the link in your mail once more.
      </NoLink>
    )
  if (problem?.fields.token?.includes('another account'))
    return (
      <NoLink title="This link is for another account" note="You are signed in to a different one here.">
        If it is yours too, sign in to that one and open the link once more. If you do not know of it, leave
        the mail alone: nothing changes.
      </NoLink>
    )
  if (problem?.fields.token)
    return (
      <NoLink
        title="This link works no more"
        note="It was used, is too old, or another change came after it."
      >
        If it is your address already, there is nothing left to do. Else ask for another link under Account.
      </NoLink>
    )
  return (
    <DoorFrame
      title="Is this your address?"
      note="Your account has it from then on: links to another password go there."
    >
      {problem && (
        <FormProblem error={problem} said={problem.fields.email && 'Somebody else has it by now.'} />
      )}
      <Button
        look="primary"
        size="lg"
        busy={confirm.isPending}
        className="w-full"
        onClick={() => confirm.mutate()}
      >
        Yes, it is mine
      </Button>
    </DoorFrame>
  )
}

function Confirmed() {
  useEffect(() => document.getElementById('on')?.focus(), [])
  return (
    <DoorFrame title="Confirmed" note="Mail to this address reaches you.">
      <p role="status" className="mb-5 flex items-center gap-2 text-t2">
        <Mark shape="ok" family="run" size={14} />
        Your account has this e-mail address now.
      </p>
      <Link id="on" to="/account" className={cx(buttonClass('primary', 'lg', false), 'w-full')}>
        Go to your account
      </Link>
    </DoorFrame>
  )
}

function NoLink({
  title,
  note,
  to = '/account',
  children,
}: {
  title: string
  note: string
  to?: '/account' | '/login'
  children: string
}) {
  return (
    <DoorFrame title={title} note={note}>
      <p role="alert" className="mb-5 text-14">
        {children}
      </p>
      <Link to={to} className={cx(buttonClass('primary', 'lg', false), 'w-full')}>
        {to === '/login' ? 'Sign in' : 'Go to your account'}
      </Link>
    </DoorFrame>
  )
}
