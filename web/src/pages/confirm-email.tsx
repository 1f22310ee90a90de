import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { DoorFrame } from '~/components/door-frame'
import { FormProblem } from '~/components/problem-view'
import { useHashToken } from '~/hooks/use-hash-token'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Mark } from '~/ui/badge'
import { Button, buttonClass } from '~/ui/button'
import { cx } from '~/util/cx'

const t = texts('door')

/** Where the link of a mail leads that shows whose address it is. */
export function ConfirmEmailPage() {
  const token = useHashToken()
  usePage(t('confirm.page'))
  if (token === undefined)
    return (
      <NoLink title={t('link.missing')} note={t('link.missing_note')}>
        {t('confirm.missing')}
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
      <NoLink title={t('confirm.nobody')} note={t('confirm.nobody_note')} to="/login">
        {t('confirm.nobody_do')}
      </NoLink>
    )
  if (problem?.fieldCodes.token === 'another_account')
    return (
      <NoLink title={t('confirm.other')} note={t('confirm.other_note')}>
        {t('confirm.other_do')}
      </NoLink>
    )
  if (problem?.fields.token)
    return (
      <NoLink title={t('link.dead')} note={t('confirm.dead_note')}>
        {t('confirm.dead_do')}
      </NoLink>
    )
  return (
    <DoorFrame title={t('confirm.title')} note={t('confirm.note')}>
      {problem && <FormProblem error={problem} said={problem.fields.email && t('confirm.taken')} />}
      <Button
        look="primary"
        size="lg"
        busy={confirm.isPending}
        className="w-full"
        onClick={() => confirm.mutate()}
      >
        {t('confirm.yes')}
      </Button>
    </DoorFrame>
  )
}

function Confirmed() {
  useEffect(() => document.getElementById('on')?.focus(), [])
  return (
    <DoorFrame title={t('confirm.done')} note={t('confirm.done_note')}>
      <p role="status" className="mb-5 flex items-center gap-2 text-t2">
        <Mark shape="ok" family="run" size={14} />
        {t('confirm.done_text')}
      </p>
      <Link id="on" to="/account" className={cx(buttonClass('primary', 'lg', false), 'w-full')}>
        {t('confirm.to_account')}
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
        {to === '/login' ? t('sign_in') : t('confirm.to_account')}
      </Link>
    </DoorFrame>
  )
}
