import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { NewPerson } from '~/api/types'
import { FirstPassword } from '~/components/first-password'
import { InvitationSent } from '~/components/invitation-sent'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { type Choice, Segmented } from '~/ui/segmented'

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
      title={made ? `${made.user.username} has an account` : 'New person'}
      note={made?.password ? 'The password is shown once. Copy it now; a lost one is reset.' : undefined}
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
const WORDS: Record<string, ReactNode> = {
  mail_off: (
    <>
      This panel sends no mail. Set <span className="mono">mail.url</span> in control’s configuration, as{' '}
      <span className="mono">docs/mail.md</span> says, or let a first password be shown.
    </>
  ),
}

type Way = 'show' | 'invite'
const WAYS: Array<Choice<Way>> = [
  { value: 'show', label: 'Show me a first password' },
  { value: 'invite', label: 'Invite by mail' },
]
const HELP: Record<Way, string> = {
  show: 'It is made up and shown once. They choose their own when they sign in with it.',
  invite: 'They get a link by which they choose it themselves within a week. Nobody else is shown one.',
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
  const wanting = [username.trim() ? '' : 'a user name', email.trim() ? '' : 'an e-mail address'].filter(
    Boolean,
  )
  return (
    <form
      className="flex flex-col gap-4"
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (wanting.length === 0 && !make.isPending) make.mutate()
      }}
    >
      <Field
        label="User name"
        help="Letters, digits, dot, underscore, hyphen"
        error={problem?.fields.username}
      >
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
      <Field label="E-mail" error={problem?.fields.email}>
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
        <div className="mb-1.5 font-medium">Password</div>
        <Segmented
          label="Password"
          value={way}
          choices={WAYS}
          onChange={(next) => {
            setWay(next)
            make.reset()
          }}
        />
        <p aria-live="polite" className="mt-1.5 text-12 text-t3">
          {HELP[way]}
        </p>
      </div>
      {mine.admin && (
        <div>
          {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
          <label className="flex items-center gap-2">
            <Checkbox checked={admin} onChange={(event) => setAdmin(event.target.checked)} />
            Admin
          </label>
          <p className="mt-0.5 text-12 text-t3">
            May do everything, to everybody. For less, leave it off and give a role afterwards.
          </p>
        </div>
      )}
      {problem && !FIELDS.some((field) => problem.fields[field]) && (
        <FormProblem error={problem} said={WORDS[problem.code]} />
      )}
      <DialogFoot>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          look="primary"
          busy={make.isPending}
          off={wanting.length > 0 ? `Missing: ${wanting.join(' and ')}` : false}
        >
          {way === 'invite' ? 'Send the invitation' : 'Make the account'}
        </Button>
      </DialogFoot>
    </form>
  )
}
