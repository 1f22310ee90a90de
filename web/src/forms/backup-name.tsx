import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Backup } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

const t = texts('backups')

/** Gives a backup another name. */
export function BackupNameDialog({
  server,
  backup,
  onClose,
}: {
  server: string
  backup: Backup | undefined
  onClose: () => void
}) {
  return (
    <Dialog open={backup !== undefined} onClose={onClose} title={t('rename.title')}>
      {backup && <NameForm key={backup.id} server={server} backup={backup} onClose={onClose} />}
    </Dialog>
  )
}

function NameForm({ server, backup, onClose }: { server: string; backup: Backup; onClose: () => void }) {
  const [name, setName] = useState(backup.name)
  const rename = useMutation({
    mutationFn: () =>
      must(
        api.PATCH('/servers/{server}/backups/{backup}', {
          params: { path: { server, backup: backup.id } },
          body: { name: name.trim() },
        }),
      ),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: keys.backups(server) })
      onClose()
    },
  })
  const problem = rename.error ? asProblem(rename.error) : undefined
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!rename.isPending) rename.mutate()
      }}
    >
      <Field label={t('field.name')} note={t('optional')} error={problem?.fields.name}>
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
        <Button type="submit" look="primary" busy={rename.isPending}>
          {t('rename')}
        </Button>
      </DialogFoot>
    </form>
  )
}
