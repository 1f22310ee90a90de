import { useMutation } from '@tanstack/react-query'
import { Download, KeyRound } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import type { BackupKey, Server } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Banner } from '~/ui/badge'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CommandBox, CopyButton } from '~/ui/copy-box'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { keysText, resticCommand } from '~/util/backup-keys'
import { saveFile } from '~/util/save-file'
import { visible } from '~/util/visible'
import { OwnPassword } from './own-password'

const t = texts('backup_settings')

/** The way to a server's backups without the panel. */
export function BackupKeysCard({ server }: { server: Server }) {
  const [open, setOpen] = useState(false)
  const off = !server.permissions.includes('backup.download') && t('keys.may_not')
  return (
    <Card>
      <CardHead title={t('keys')} />
      <div className="flex flex-col items-start gap-3 px-4 py-3">
        <p className="text-t2">{t('keys.why')}</p>
        <Button size="sm" icon={KeyRound} off={off} onClick={() => setOpen(true)}>
          {t('keys.show')}
        </Button>
      </div>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('keys.title')} width="md">
        {open && <Keys server={server} onClose={() => setOpen(false)} />}
      </Dialog>
    </Card>
  )
}

function Keys({ server, onClose }: { server: Server; onClose: () => void }) {
  const [password, setPassword] = useState('')
  const ask = useMutation({
    mutationFn: () =>
      must(
        api.POST('/servers/{server}/backup-keys', {
          params: { path: { server: server.id } },
          body: { current_password: password },
        }),
      ),
    // Nothing of it stays in memory after the dialog.
    gcTime: 0,
  })
  const problem = ask.error ? asProblem(ask.error) : undefined
  const wrong = problem?.fields.current_password ?? (problem && attemptsText(problem))
  if (ask.data) return <Shown server={server} keys={ask.data.items} onClose={onClose} />
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!ask.isPending) ask.mutate()
      }}
    >
      <Warning />
      <OwnPassword value={password} autoFocus onChange={setPassword} error={wrong} />
      {problem && !wrong && <FormProblem error={problem} />}
      <DialogFoot note={t('keys.audited')}>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={ask.isPending}>
          {t('keys.show')}
        </Button>
      </DialogFoot>
    </form>
  )
}

function Warning() {
  return (
    <Banner family="warn" shape="look" title={t('keys.warning')}>
      {t('keys.warning_why')}
    </Banner>
  )
}

function Shown({ server, keys, onClose }: { server: Server; keys: BackupKey[]; onClose: () => void }) {
  return (
    <div className="flex flex-col gap-4">
      <Warning />
      {keys.length === 0 && <p className="text-t2">{t('keys.none')}</p>}
      {keys.map((key) => (
        <section key={key.store.id} aria-label={visible(key.store.name)} className="flex flex-col gap-2">
          <h3 className="font-medium">{visible(key.store.name)}</h3>
          <div className="flex min-w-0 items-center gap-2 rounded-box border border-line-2 py-1.5 pr-1.5 pl-3.5">
            <span className="shrink-0 text-12 text-t3">{t('keys.password')}</span>
            <code className="mono min-w-0 flex-1 text-12 [overflow-wrap:anywhere]">{key.password}</code>
            <CopyButton text={key.password} label={t('keys.copy')} primary />
          </div>
          <CommandBox text={resticCommand(key)} label={t('keys.command')} />
        </section>
      ))}
      <DialogFoot>
        {keys.length > 0 && (
          <Button
            icon={Download}
            onClick={() =>
              saveFile(
                `warren-backups-${server.id}.txt`,
                keysText(keys, server.name, location.host, new Date()),
              )
            }
          >
            {t('keys.download')}
          </Button>
        )}
        <Button look="primary" onClick={onClose}>
          {t('keys.have_it')}
        </Button>
      </DialogFoot>
    </div>
  )
}
