import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { type ReactNode, Suspense, useState } from 'react'
import { backupsQuery } from '~/api/backups'
import { api, must } from '~/api/client'
import { keys, serverQuery } from '~/api/queries'
import type { Backup, BackupList, Server } from '~/api/types'
import { BackupRoom } from '~/components/backup-room'
import { type BackupAct, type BackupOff, BackupRow, backupName } from '~/components/backup-row'
import { TakeBack } from '~/components/credentials'
import { Page } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { WorkProgress } from '~/components/work-progress'
import { BackupDialog } from '~/forms/backup-create'
import { BackupKeysCard } from '~/forms/backup-keys'
import { BackupNameDialog } from '~/forms/backup-name'
import { RestoreDialog } from '~/forms/backup-restore'
import { useMay } from '~/hooks/use-may'
import { part } from '~/i18n/page'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'

const t = texts('backups')

const BackupSettings = part(() => import('~/forms/backup-settings'))

/** Backups of a server. */
export function ServerBackupsPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/backups' })
  const { data: server } = useQuery(serverQuery(id))
  if (!server) return null
  return (
    <Page>
      {server.permissions.includes('backup.read') ? (
        <Backups server={server} />
      ) : (
        <Card>
          <CardHead title={t('page')} />
          <Empty title={t('no_right.read')} />
        </Card>
      )}
    </Page>
  )
}

/** Why something can't be done, or false where it can. */
function offOf(server: Server, list: BackupList | undefined): BackupOff & { create: string | false } {
  const may = (key: string) => server.permissions.includes(key)
  const most = list?.limit ?? null
  const busy = list?.items.some(({ state }) => state === 'running') ? t('off.running') : false
  const held = server.suspended ? t('off.suspended') : false
  return {
    create:
      (!may('backup.create') && t('no_right.create')) ||
      held ||
      (list?.stores.length === 0 && t('off.no_store')) ||
      busy ||
      (most !== null && (list?.used ?? 0) >= most && t('off.full')),
    change: !may('backup.create') && t('no_right.create'),
    restore:
      (!may('backup.restore') && t('no_right.restore')) ||
      held ||
      (list?.restore ? t('off.restoring') : false),
    remove: !may('backup.delete') && t('no_right.delete'),
  }
}

function Backups({ server }: { server: Server }) {
  const list = useQuery(backupsQuery(server.id))
  const [making, setMaking] = useState(false)
  const [asked, setAsked] = useState<{ act: BackupAct; backup: Backup }>()
  const off = offOf(server, list.data)
  const items = list.data?.items ?? []
  const done = () => setAsked(undefined)
  const about = (...acts: BackupAct[]) => (asked && acts.includes(asked.act) ? asked.backup : undefined)
  const removing = about('delete')
  const add = (
    <Button look="primary" icon={Plus} off={off.create || undefined} onClick={() => setMaking(true)}>
      {t('new')}
    </Button>
  )
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_328px] items-start gap-4 max-xl:grid-cols-1">
      <div className="flex min-w-0 flex-col gap-4">
        <Card>
          <CardHead title={t('page')}>{items.length > 0 && add}</CardHead>
          {list.isPending && <SkeletonRows rows={3} />}
          {list.isError && (
            <div className="p-4">
              <ProblemView error={list.error} onRetry={() => void list.refetch()} />
            </div>
          )}
          {list.data?.restore && (
            <div className="border-b border-line px-4 py-3">
              <div className="mb-1 font-medium">{t('restoring')}</div>
              <WorkProgress operation={list.data.restore} />
            </div>
          )}
          {list.data && items.length === 0 && <Nothing server={server} list={list.data} add={add} />}
          {items.length > 0 && (
            <ul aria-label={t('page')}>
              {items.map((backup) => (
                <BackupRow
                  key={backup.id}
                  server={server}
                  backup={backup}
                  off={off}
                  onAct={(act) => setAsked({ act, backup })}
                />
              ))}
            </ul>
          )}
        </Card>
        {list.data && list.data.stores.length > 0 && list.data.limit !== 0 && (
          <Suspense fallback={null}>
            <BackupSettings server={server} stores={list.data.stores} />
          </Suspense>
        )}
      </div>
      {list.data && (
        <div className="grid min-w-0 gap-4 max-xl:grid-cols-2 max-md:grid-cols-1">
          <BackupRoom server={server} list={list.data} />
          <BackupKeysCard server={server} />
        </div>
      )}
      {list.data && (
        <BackupDialog
          server={server}
          stores={list.data.stores}
          open={making}
          onClose={() => setMaking(false)}
        />
      )}
      <RestoreDialog
        server={server}
        backup={about('restore', 'some')}
        stores={list.data?.stores ?? []}
        some={asked?.act === 'some'}
        onClose={done}
      />
      <BackupNameDialog server={server.id} backup={about('rename')} onClose={done} />
      <TakeBack
        item={removing}
        onClose={done}
        title={t('delete.title', { name: backupName(removing) })}
        verb={t('delete')}
        failed={t('delete.failed')}
        list={keys.backups(server.id)}
        take={({ id }) => {
          const path = { server: server.id, backup: id }
          return must(api.DELETE('/servers/{server}/backups/{backup}', { params: { path } }))
        }}
      >
        {t('delete.why')}
      </TakeBack>
    </div>
  )
}

/** Why there is none, and what to do about it. */
function Nothing({ server, list, add }: { server: Server; list: BackupList; add: ReactNode }) {
  const { may } = useMay()
  if (list.limit === 0)
    return (
      <Empty
        title={t('none_allowed')}
        action={
          server.permissions.includes('admin.server.limits') && (
            <Link
              to="/servers/$server/settings"
              params={{ server: server.id }}
              className={buttonClass('secondary', 'md', false)}
            >
              {t('none_allowed.to')}
            </Link>
          )
        }
      >
        {t('none_allowed_why')}
      </Empty>
    )
  if (list.stores.length === 0)
    return (
      <Empty
        title={t('no_store')}
        action={
          may('backup_store.read') && (
            <Link to="/backup-stores" className={buttonClass('secondary', 'md', false)}>
              {t('no_store.to')}
            </Link>
          )
        }
      >
        {t('no_store_why')}
      </Empty>
    )
  const size = server.usage?.disk_bytes
  return (
    <Empty title={t('none')} action={add}>
      {size ? t('none_why_size', { size: bytesText(size) }) : t('none_why')}
    </Empty>
  )
}
