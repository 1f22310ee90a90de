import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Backup, BackupList, Server } from '~/api/types'
import { BackupPicker } from '~/components/backup-picker'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Choice } from '~/ui/choice'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { visible } from '~/util/visible'
import { BackupTarget } from './backup-target'
import type { Picked } from './pick'

const t = texts('backups')
const common = texts('common')

interface Props {
  server: Server
  stores: BackupList['stores']
  /** Begins with some files instead of all of it. */
  some: boolean
  onClose: () => void
}

/** Asks what of a backup is put back, where to, and how. */
export function RestoreDialog({ backup, ...rest }: Props & { backup: Backup | undefined }) {
  const name = backup ? visible(backup.name) || t('unnamed') : ''
  return (
    <Dialog
      open={backup !== undefined}
      onClose={rest.onClose}
      title={t('restore.title', { name })}
      width="md"
    >
      {backup && <RestoreForm key={backup.id} backup={backup} {...rest} />}
    </Dialog>
  )
}

/** What somebody wants of a restore, and what hinders it. */
function useRestore({ server, backup, onClose, ...begin }: Props & { backup: Backup }) {
  const may = (key: string) => server.permissions.includes(key)
  const [some, setSome] = useState(begin.some)
  const [paths, setPaths] = useState<string[]>([])
  const [other, setOther] = useState(false)
  const [picked, setPicked] = useState<Picked>()
  const [safety, setSafety] = useState(may('backup.create'))
  const [start, setStart] = useState(server.state === 'running')
  const [typed, setTyped] = useState('')
  const target = other ? picked : server
  const restore = useMutation({
    mutationFn: () =>
      must(
        api.POST('/servers/{server}/backups/{backup}/restore', {
          params: { path: { server: server.id, backup: backup.id } },
          body: {
            paths: some ? paths : [],
            server: other ? (picked?.id ?? null) : null,
            safety_backup: safety,
            start,
          },
        }),
      ),
    onSuccess: () => {
      for (const id of new Set([server.id, target?.id ?? server.id])) {
        void queryClient.invalidateQueries({ queryKey: keys.backups(id) })
        void queryClient.invalidateQueries({ queryKey: keys.server(id) })
      }
      toast.done(other ? t('restore.begun_on', { server: visible(target?.name ?? '') }) : t('restore.begun'))
      onClose()
    },
  })
  // Without a safety backup nothing brings back what all of it takes the place of.
  const asks = !some && !safety ? target?.name : undefined
  const off =
    (other && !picked && t('target.choose')) ||
    (some && paths.length === 0 && t('restore.choose')) ||
    (asks !== undefined && typed !== asks && common('confirm.not_typed'))
  const shown = { some, paths, other, picked, safety, start, typed, target }
  const set = { setSome, setPaths, setOther, setPicked, setSafety, setStart, setTyped }
  return { ...shown, ...set, may, restore, asks, off }
}

function RestoreForm(props: Props & { backup: Backup }) {
  const { server, backup, stores, onClose } = props
  const it = useRestore(props)
  const { may, restore, asks, off } = it
  const problem = restore.error ? asProblem(restore.error) : undefined
  const errors = problem?.fields ?? {}
  const sameNode = stores.find(({ id }) => id === backup.store.id)?.kind !== 's3'
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!off && !restore.isPending) restore.mutate()
      }}
    >
      <BackupTarget
        server={server}
        sameNode={sameNode}
        other={it.other}
        picked={it.picked}
        off={!may('backup.download') && t('target.may_not')}
        error={errors.server}
        onOther={it.setOther}
        onPick={it.setPicked}
      />
      <Choice
        checked={it.some}
        onChange={it.setSome}
        label={t('restore.some')}
        help={t(it.some ? 'restore.some_help' : 'restore.note')}
      />
      {it.some && (
        <BackupPicker server={server.id} backup={backup.id} paths={it.paths} onChange={it.setPaths} />
      )}
      {errors.paths && <FormProblem error={problem} said={errors.paths} />}
      <Choice
        checked={it.safety}
        onChange={it.setSafety}
        label={t('restore.safety')}
        help={t('restore.safety_help')}
        off={!it.other && !may('backup.create')}
      />
      <Choice
        checked={it.start}
        onChange={it.setStart}
        label={t('restore.start')}
        off={!it.other && !may('control.start')}
      />
      {asks !== undefined && (
        <Field
          label={common.rich('confirm.type', {
            typed: asks,
            name: (name) => <span className="mono">{name}</span>,
          })}
          help={t('restore.no_safety')}
        >
          {(ids) => (
            <Input
              {...ids}
              value={it.typed}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => it.setTyped(event.target.value)}
            />
          )}
        </Field>
      )}
      {problem && !errors.server && !errors.paths && <FormProblem error={problem} />}
      <DialogFoot stuck note={t('restore.stops')}>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button
          type="submit"
          look={asks === undefined ? 'primary' : 'destroy'}
          busy={restore.isPending}
          off={off}
        >
          {t('restore')}
        </Button>
      </DialogFoot>
    </form>
  )
}
