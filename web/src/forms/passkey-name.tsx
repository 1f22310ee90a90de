import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Passkey } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

const t = texts('account')
const form = texts('form_parts')
const common = texts('common')

/** What tells a passkey from the others. */
export function PasskeyNameField({
  name,
  error,
  fresh = false,
  off = false,
  onName,
}: {
  name: string
  error?: string | undefined
  /** Alone in its dialog: it is typed first. */
  fresh?: boolean
  off?: boolean
  onName: (name: string) => void
}) {
  return (
    <Field label={form('name')} help={t('passkeys.name_help')} error={error}>
      {(ids) => (
        <Input
          {...ids}
          autoFocus={fresh}
          autoComplete="off"
          maxLength={64}
          disabled={off}
          value={name}
          onChange={(event) => onName(event.target.value)}
          className="sm:h-10! sm:text-14!"
        />
      )}
    </Field>
  )
}

export function RenamePasskeyDialog({
  passkey,
  onClose,
}: {
  /** Nothing is asked without one. */
  passkey: Passkey | undefined
  onClose: () => void
}) {
  return (
    <Dialog open={passkey !== undefined} onClose={onClose} title={t('passkeys.rename_title')}>
      {passkey && <RenameForm {...{ passkey, onClose }} />}
    </Dialog>
  )
}

function RenameForm({ passkey: { id, name: before }, onClose }: { passkey: Passkey; onClose: () => void }) {
  const [name, setName] = useState(before)
  const renaming = useMutation({
    mutationFn: () =>
      must(api.PATCH('/account/passkeys/{id}', { params: { path: { id } }, body: { name: name.trim() } })),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.passkeys })
      onClose()
    },
  })
  const problem = renaming.error ? asProblem(renaming.error) : undefined
  const empty = name.trim() === ''
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!empty && !renaming.isPending) renaming.mutate()
      }}
      className="flex flex-col gap-4"
    >
      <PasskeyNameField fresh name={name} error={problem?.fields.name} onName={setName} />
      {problem && !problem.fields.name && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={renaming.isPending}
          off={empty ? form('name_needed') : false}
        >
          {t('passkeys.rename')}
        </Button>
      </DialogFoot>
    </form>
  )
}
