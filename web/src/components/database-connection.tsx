import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { api, must } from '~/api/client'
import type { Database, Server } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { CopyIcon } from '~/ui/copy'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { visible } from '~/util/visible'

const t = texts('databases')
const common = texts('common')

/** What a game connects by. The password comes only when it is asked for, and goes with the dialog. */
export function ConnectionDialog({
  server,
  database,
  off,
  onClose,
}: {
  server: Server
  database: Database | undefined
  off: string | false
  onClose: () => void
}) {
  return (
    <Dialog
      open={database !== undefined}
      onClose={onClose}
      width="md"
      title={database ? t('connect_to', { name: database.name }) : ''}
      note={database && `${t(`engine.${database.host.engine}`)}, ${visible(database.host.name)}`}
    >
      {database && <Connection key={database.id} {...{ server, database, off, onClose }} />}
    </Dialog>
  )
}

function Connection({
  server,
  database,
  off,
  onClose,
}: {
  server: Server
  database: Database
  off: string | false
  onClose: () => void
}) {
  const look = useMutation({
    mutationFn: () =>
      must(
        api.GET('/servers/{server}/databases/{database}/connection', {
          params: { path: { server: server.id, database: database.id } },
        }),
      ),
    // Nothing that was asked for once is kept for later.
    gcTime: 0,
  })
  const { address, port } = database.host
  const shown = look.data
  return (
    <>
      <dl className="flex flex-col gap-3">
        <Fact label={t('field.address')} text={`${address}:${port}`} />
        <Fact label={t('field.database')} text={database.name} />
        <Fact label={t('field.user')} text={database.username} />
        {shown ? (
          <>
            <Fact label={t('field.password')} text={shown.password} />
            <Fact label={t('field.jdbc')} text={shown.jdbc} />
            <Fact label={t('field.url')} text={shown.url} />
          </>
        ) : (
          <Fact label={t('field.password')}>
            <Button size="sm" off={off} busy={look.isPending} onClick={() => look.mutate()}>
              {t('connect.show')}
            </Button>
          </Fact>
        )}
      </dl>
      {look.error && (
        <div className="mt-4">
          <FormProblem error={look.error} />
        </div>
      )}
      <DialogFoot note={t('connect.note')}>
        <Button onClick={onClose}>{common('close')}</Button>
      </DialogFoot>
    </>
  )
}

function Fact({ label, text, children }: { label: string; text?: string; children?: ReactNode }) {
  return (
    <div className="grid grid-cols-[120px_minmax(0,1fr)] items-center gap-x-3 max-sm:grid-cols-1">
      <dt className="text-t3">{label}</dt>
      <dd className="flex min-h-7 min-w-0 items-center gap-1">
        {text === undefined ? (
          children
        ) : (
          <>
            <span className="mono min-w-0 text-12 [overflow-wrap:anywhere]">{text}</span>
            <CopyIcon text={text} label={t('copy.what', { what: label })} />
          </>
        )}
      </dd>
    </div>
  )
}
