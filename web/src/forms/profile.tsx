import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Mark } from '~/ui/badge'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { visible } from '~/util/visible'
import { OwnPassword } from './own-password'

const t = texts('account')
const form = texts('form_parts')

export function ProfileForm({
  email,
  username,
  unconfirmed,
}: {
  email: string
  username: string
  /** Nobody has shown yet that mail to the address reaches somebody, and the panel could ask. */
  unconfirmed: boolean
}) {
  const [mail, setMail] = useState(email)
  const [name, setName] = useState(username)
  const [password, setPassword] = useState('')
  const [pending, setPending] = useState<string>()
  const moves = mail !== email
  const save = useMutation({
    mutationFn: () =>
      must(
        api.PATCH('/account', {
          body: {
            ...(name !== username ? { username: name } : {}),
            ...(moves ? { email: mail, current_password: password } : {}),
          },
        }),
      ),
    onSuccess: async ({ email_pending: pending }) => {
      setPassword('')
      setPending(pending ?? undefined)
      if (pending) setMail(email)
      await queryClient.invalidateQueries({ queryKey: keys.session })
      if (pending)
        toast.done(t('profile.link_sent'), t('profile.link_sent_note', { address: visible(pending) }))
      else toast.done(t('profile.saved'))
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const dirty = moves || name !== username
  return (
    <Card>
      <CardHead title={t('profile.title')} />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (dirty) save.mutate()
        }}
      >
        <Field label={form('username')} error={problem?.fields.username}>
          {(ids) => (
            <Input
              {...ids}
              required
              autoComplete="username"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label={form('email')} error={problem?.fields.email}>
          {(ids) => (
            <Input
              {...ids}
              type="email"
              required
              autoComplete="email"
              value={mail}
              onChange={(event) => setMail(event.target.value)}
            />
          )}
        </Field>
        {pending && (
          <p className="flex gap-2 text-t2">
            <span className="pt-1">
              <Mark shape="installing" family="move" />
            </span>
            <span className="min-w-0 [overflow-wrap:anywhere]">
              {t.rich('profile.pending', { address: <bdi>{visible(pending)}</bdi> })}
            </span>
          </p>
        )}
        {unconfirmed && !pending && !moves && <Unconfirmed />}
        {moves && (
          <OwnPassword
            label={t('profile.current_password')}
            help={t('profile.why_password')}
            error={problem?.fields.current_password}
            value={password}
            onChange={setPassword}
          />
        )}
        {problem && Object.keys(problem.fields).length === 0 && <FormProblem error={problem} />}
        <div className="flex justify-end">
          <Button type="submit" busy={save.isPending} off={dirty ? false : form('nothing_changed')}>
            {form('save')}
          </Button>
        </div>
      </form>
    </Card>
  )
}

function Unconfirmed() {
  const send = useMutation({ mutationFn: () => must(api.POST('/account/email-link')) })
  const problem = send.error ? asProblem(send.error) : undefined
  if (send.isSuccess) return <p className="text-t2">{t('profile.confirm_sent')}</p>
  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p className="flex gap-2 text-t2">
          <span className="pt-1">
            <Mark shape="look" family="warn" />
          </span>
          {t('profile.unconfirmed')}
        </p>
        <Button size="sm" busy={send.isPending} onClick={() => send.mutate()}>
          {t('profile.send_link')}
        </Button>
      </div>
      {problem && <FormProblem error={problem} said={attemptsText(problem)} />}
    </div>
  )
}
