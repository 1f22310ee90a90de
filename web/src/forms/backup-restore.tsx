import { useMutation, useQuery } from '@tanstack/react-query'
import { File, Folder } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { backupFilesQuery } from '~/api/backups'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Backup, Server } from '~/api/types'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { visible } from '~/util/visible'

const t = texts('backups')

/** Asks what of a backup is put back, and how. */
export function RestoreDialog({
  server,
  backup,
  onClose,
}: {
  server: Server
  backup: Backup | undefined
  onClose: () => void
}) {
  const name = backup ? visible(backup.name) || t('unnamed') : ''
  return (
    <Dialog
      open={backup !== undefined}
      onClose={onClose}
      title={t('restore.title', { name })}
      note={t('restore.note')}
      width="md"
    >
      {backup && <RestoreForm key={backup.id} server={server} backup={backup} onClose={onClose} />}
    </Dialog>
  )
}

function RestoreForm({ server, backup, onClose }: { server: Server; backup: Backup; onClose: () => void }) {
  const [some, setSome] = useState(false)
  const [paths, setPaths] = useState<string[]>([])
  const [safety, setSafety] = useState(server.permissions.includes('backup.create'))
  const [start, setStart] = useState(server.state === 'running')
  const restore = useMutation({
    mutationFn: () =>
      must(
        api.POST('/servers/{server}/backups/{backup}/restore', {
          params: { path: { server: server.id, backup: backup.id } },
          body: { paths: some ? paths : [], safety_backup: safety, start },
        }),
      ),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: keys.backups(server.id) })
      void queryClient.invalidateQueries({ queryKey: keys.server(server.id) })
      toast.done(t('restore.begun'))
      onClose()
    },
  })
  const problem = restore.error ? asProblem(restore.error) : undefined
  const off = some && paths.length === 0 && t('restore.choose')
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!off && !restore.isPending) restore.mutate()
      }}
    >
      <Choice checked={some} onChange={setSome} label={t('restore.some')} help={t('restore.some_help')} />
      {some && <Picker server={server.id} backup={backup.id} paths={paths} onChange={setPaths} />}
      <Choice
        checked={safety}
        onChange={setSafety}
        label={t('restore.safety')}
        help={t('restore.safety_help')}
        off={!server.permissions.includes('backup.create')}
      />
      <Choice
        checked={start}
        onChange={setStart}
        label={t('restore.start')}
        off={!server.permissions.includes('control.start')}
      />
      {problem && <FormProblem error={problem} />}
      <DialogFoot note={t('restore.stops')}>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" look="danger" busy={restore.isPending} off={off}>
          {t('restore')}
        </Button>
      </DialogFoot>
    </form>
  )
}

function Choice({
  checked,
  label,
  help,
  off = false,
  onChange,
}: {
  checked: boolean
  label: string
  help?: string
  off?: boolean
  onChange: (checked: boolean) => void
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox is in it
    <label className="flex items-start gap-2.5">
      <Checkbox checked={checked} disabled={off} onChange={(event) => onChange(event.target.checked)} />
      <span className="min-w-0">
        <span className="font-medium">{label}</span>
        {help && <span className="block text-12 text-t3">{help}</span>}
      </span>
    </label>
  )
}

function Picker({
  server,
  backup,
  paths,
  onChange,
}: {
  server: string
  backup: string
  paths: string[]
  onChange: (paths: string[]) => void
}) {
  const [at, setAt] = useState('/')
  const files = useQuery(backupFilesQuery(server, backup, at))
  const parent = at.replace(/\/[^/]*$/, '') || '/'
  return (
    <div className="rounded-in border border-line">
      <div className="flex items-center gap-2 border-b border-line px-3 py-2">
        <span className="mono min-w-0 flex-1 truncate text-12">{visible(at)}</span>
        <Button size="sm" off={at === '/' && t('picker.top')} onClick={() => setAt(parent)}>
          {t('picker.up')}
        </Button>
      </div>
      {files.isPending && <SkeletonRows rows={4} />}
      {files.isError && (
        <div className="p-3">
          <ProblemView error={files.error} onRetry={() => void files.refetch()} />
        </div>
      )}
      <ul aria-label={t('picker')} className="max-h-64 overflow-y-auto">
        {files.data?.items.map((entry) => {
          const path = `${at === '/' ? '' : at}/${entry.name}`
          const chosen = paths.includes(path)
          const dir = entry.kind === 'directory'
          const Icon = dir ? Folder : File
          const toggle = () => onChange(chosen ? paths.filter((p) => p !== path) : [...paths, path])
          return (
            <li key={entry.name} className="flex min-h-9 items-center gap-2.5 px-3 max-sm:min-h-11">
              <Checkbox
                aria-label={t('picker.choose', { name: visible(entry.name) })}
                checked={chosen}
                onChange={toggle}
              />
              <Icon aria-hidden="true" size={14} className="shrink-0 text-t3" />
              {dir ? (
                <button
                  type="button"
                  className="min-w-0 flex-1 truncate text-left hover:underline"
                  onClick={() => setAt(path)}
                >
                  {visible(entry.name)}
                </button>
              ) : (
                <span className="min-w-0 flex-1 truncate">{visible(entry.name)}</span>
              )}
              {!dir && <span className="num text-12 text-t3">{bytesText(entry.size_bytes)}</span>}
            </li>
          )
        })}
      </ul>
      {files.data?.items.length === 0 && <p className="px-3 py-2 text-t3">{t('picker.empty')}</p>}
      {files.data?.next && <p className="px-3 py-2 text-12 text-t3">{t('picker.more')}</p>}
      {paths.length > 0 && (
        <p className="border-t border-line px-3 py-2 text-12 text-t2">
          {t('picker.chosen', { n: paths.length })}
        </p>
      )}
    </div>
  )
}
