import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { NewPerson } from '~/api/types'
import { FirstPassword } from '~/components/first-password'
import { InvitationSent } from '~/components/invitation-sent'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { Segmented } from '~/ui/segmented'

const t = texts('people')
const form = texts('form_parts')
const common = texts('common')

/** Makes an account, and shows its made-up password once or says where the invitation went. */
export function PersonDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [made, setMade] = useState<NewPerson>()
  const close = () => {
    setMade(undefined)
    onClose()
  }
  return (
    <Dialog
      open={open}
      onClose={close}
      title={made ? t('create.made', { name: made.user.username }) : t('new')}
      note={made?.password ? t('create.once') : undefined}
    >
      {open && !made && <PersonForm onMade={setMade} onClose={close} />}
      {open && made?.password && (
        <FirstPassword username={made.user.username} password={made.password} onClose={close} />
      )}
      {open && made && !made.password && <InvitationSent email={made.user.email} onClose={close} />}
    </Dialog>
  )
}

const FIELDS = ['username', 'email']
const mailOff = () =>
  t.rich('create.mail_off', {
    setting: <span className="mono">mail.url</span>,
    page: <span className="mono">docs/mail.md</span>,
  })

type Way = 'show' | 'invite'
const WAYS: Way[] = ['show', 'invite']

function missingOf(name: boolean, email: boolean) {
  if (name && email) return undefined
  return name ? 'email' : email ? 'name' : 'both'
}

function PersonForm({ onMade, onClose }: { onMade: (made: NewPerson) => void; onClose: () => void }) {
  const mine = useMay()
  const [username, setUsername] = useState('')
  const [email, setEmail] = useState('')
  const [admin, setAdmin] = useState(false)
  const [way, setWay] = useState<Way>('show')
  const make = useMutation({
    mutationFn: () =>
      must(
        api.POST('/users', {
          body: { username: username.trim(), email: email.trim(), admin, invite: way === 'invite' },
        }),
      ),
    onSuccess: (made) => {
      void queryClient.invalidateQueries({ queryKey: keys.people })
      onMade(made)
    },
  })
  const problem = make.error ? asProblem(make.error) : undefined
  const missing = missingOf(username.trim() !== '', email.trim() !== '')
  return (
    <form
      className="flex flex-col gap-4"
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!missing && !make.isPending) make.mutate()
      }}
    >
      <Field label={form('username')} help={t('create.username_help')} error={problem?.fields.username}>
        {(ids) => (
          <Input
            {...ids}
            autoFocus
            autoCapitalize="none"
            autoComplete="off"
            spellCheck={false}
            maxLength={64}
            value={username}
            onChange={(event) => setUsername(event.target.value)}
          />
        )}
      </Field>
      <Field label={form('email')} error={problem?.fields.email}>
        {(ids) => (
          <Input
            {...ids}
            type="email"
            autoComplete="off"
            maxLength={254}
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      <div>
        <div className="mb-1.5 font-medium">{t('create.password')}</div>
        <Segmented
          label={t('create.password')}
          value={way}
          choices={WAYS.map((value) => ({ value, label: t(`create.way.${value}`) }))}
          onChange={(next) => {
            setWay(next)
            make.reset()
          }}
        />
        <p aria-live="polite" className="mt-1.5 text-12 text-t3">
          {t(`create.way_note.${way}`)}
        </p>
      </div>
      {mine.admin && (
        <div>
          {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
          <label className="flex items-center gap-2">
            <Checkbox checked={admin} onChange={(event) => setAdmin(event.target.checked)} />
            {t('create.admin')}
          </label>
          <p className="mt-0.5 text-12 text-t3">{t('create.admin_note')}</p>
        </div>
      )}
      {problem && !FIELDS.some((field) => problem.fields[field]) && (
        <FormProblem error={problem} said={problem.code === 'mail_off' ? mailOff() : undefined} />
      )}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={make.isPending}
          off={missing ? t(`create.missing.${missing}`) : false}
        >
          {t(way === 'invite' ? 'create.send' : 'create.make')}
        </Button>
      </DialogFoot>
    </form>
  )
}
