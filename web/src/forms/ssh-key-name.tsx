import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { SshKey } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

const t = texts('ssh_keys')

/** Nothing is asked without a key. */
export function RenameSshKeyDialog({ sshKey, onClose }: { sshKey: SshKey | undefined; onClose: () => void }) {
  return (
    <Dialog open={sshKey !== undefined} onClose={onClose} title={t('rename_title')}>
      {sshKey && <RenameForm sshKey={sshKey} onClose={onClose} />}
    </Dialog>
  )
}

function RenameForm({ sshKey: { id, name: before }, onClose }: { sshKey: SshKey; onClose: () => void }) {
  const [name, setName] = useState(before)
  const renaming = useMutation({
    mutationFn: () =>
      must(api.PATCH('/account/ssh-keys/{id}', { params: { path: { id } }, body: { name: name.trim() } })),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.sshKeys })
      onClose()
    },
  })
  const problem = renaming.error ? asProblem(renaming.error) : undefined
  const empty = name.trim() === ''
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!empty && !renaming.isPending) renaming.mutate()
      }}
    >
      <Field label={t('name')} error={problem?.fields.name}>
        {(ids) => (
          <Input
            {...ids}
            autoFocus
            autoComplete="off"
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      {problem && !problem.fields.name && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={renaming.isPending} off={empty && t('name_needed')}>
          {t('rename')}
        </Button>
      </DialogFoot>
    </form>
  )
}
