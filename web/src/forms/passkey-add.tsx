import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Spinner } from '~/ui/spinner'
import { browserName } from '~/util/browser'
import { browserRefusal, isDismissed, makePasskey } from '~/util/passkey'
import { visible } from '~/util/visible'
import { OwnPassword } from './own-password'
import { PasskeyNameField } from './passkey-name'

const t = texts('account')
const form = texts('form_parts')
const common = texts('common')

/** Makes a passkey: proves the person, lets the browser ask, and keeps what it made. */
export function AddPasskeyDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title={t('passkeys.add')} note={t('passkeys.add_note')}>
      {open && <AddForm onClose={onClose} />}
    </Dialog>
  )
}

function AddForm({ onClose }: { onClose: () => void }) {
  const [password, setPassword] = useState('')
  const [name, setName] = useState(() => browserName(navigator.userAgent))
  const { add, asked, problem, said, dismissed } = useAdding(onClose)
  const fields = problem?.fields ?? {}
  const wrong = fields.current_password ?? (problem && attemptsText(problem))
  const empty = name.trim() === ''
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!empty && !add.isPending) add.mutate({ password, name: name.trim() })
      }}
    >
      <OwnPassword
        value={password}
        autoFocus
        help={t('passkeys.why_password')}
        onChange={setPassword}
        error={wrong}
      />
      <PasskeyNameField name={name} error={fields.name} onName={setName} />
      {problem && !wrong && !fields.name && <FormProblem error={problem} said={said} />}
      {(asked || dismissed) && (
        <p role="status" className="flex items-center gap-2 text-t2">
          {asked && <Spinner />}
          {t(asked ? 'passkeys.asked' : 'passkeys.dismissed')}
        </p>
      )}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={add.isPending} off={empty ? form('name_needed') : false}>
          {t('go_on')}
        </Button>
      </DialogFoot>
    </form>
  )
}

function useAdding(onClose: () => void) {
  const [asked, setAsked] = useState(false)
  const asking = useRef<AbortController>(undefined)
  // Closing the dialog closes the browser's question too.
  useEffect(() => () => asking.current?.abort(), [])

  async function byBrowser(options: object, signal: AbortSignal): Promise<Record<string, never>> {
    setAsked(true)
    try {
      return (await makePasskey(options, signal)) as Record<string, never>
    } finally {
      setAsked(false)
    }
  }

  const add = useMutation({
    mutationFn: async ({ password, name }: { password: string; name: string }) => {
      asking.current = new AbortController()
      const { signal } = asking.current
      const { state, options } = await must(
        api.POST('/account/passkeys/offer', { body: { current_password: password } }),
      )
      const credential = await byBrowser(options, signal)
      return must(api.POST('/account/passkeys', { body: { name, state, credential } }))
    },
    onSuccess: async ({ name }) => {
      await queryClient.invalidateQueries({ queryKey: keys.passkeys })
      onClose()
      toast.done(t('passkeys.added'), t('passkeys.added_note', { name: visible(name) }))
    },
  })
  const dismissed = isDismissed(add.error)
  const problem = add.error && !dismissed ? asProblem(add.error) : undefined
  const said = browserRefusal(add.error) ?? problem?.fields.credential ?? problem?.fields.state
  return { add, asked, problem, said, dismissed }
}
