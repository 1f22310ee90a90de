import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { Lock, Plus } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { backupsQuery } from '~/api/backups'
import { api, must } from '~/api/client'
import { keys, queryClient, serverQuery } from '~/api/queries'
import type { Backup, BackupList, Operation, Server } from '~/api/types'
import { TakeBack } from '~/components/credentials'
import { Page } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { BackupDialog } from '~/forms/backup-create'
import { RestoreDialog } from '~/forms/backup-restore'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Badge, type Shape } from '~/ui/badge'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Bar } from '~/ui/spark'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText, count, ofText, rateText } from '~/util/format'
import type { Family } from '~/util/state'
import { visible } from '~/util/visible'

const t = texts('backups')

/** Backups of a server. */
export function ServerBackupsPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/backups' })
  const { data: server } = useQuery(serverQuery(id))
  if (!server) return null
  return (
    <Page>
      <Backups server={server} />
    </Page>
  )
}

const GRID =
  'grid grid-cols-[minmax(0,3fr)_minmax(0,2fr)_minmax(0,2fr)_auto] items-center gap-x-4 px-4 max-lg:grid-cols-1'
const LOOKS: Record<Backup['state'], [family: Family, shape: Shape]> = {
  done: ['run', 'ok'],
  running: ['move', 'installing'],
  removing: ['move', 'deleting'],
  failed: ['fail', 'look'],
}

function Backups({ server }: { server: Server }) {
  const may = (key: string) => server.permissions.includes(key)
  const list = useQuery({ ...backupsQuery(server.id), enabled: may('backup.read') })
  const [making, setMaking] = useState(false)
  const [restoring, setRestoring] = useState<Backup>()
  const [removing, setRemoving] = useState<Backup>()
  const have = list.data?.used ?? 0
  const most = list.data?.limit ?? null
  const busy = list.data?.items.some(({ state }) => state === 'running') && t('off.running')
  const held = server.suspended && t('off.suspended')
  const noStore = list.data?.stores.length === 0 && t('off.no_store')
  const off = {
    create:
      (!may('backup.create') && t('no_right.create')) ||
      held ||
      noStore ||
      busy ||
      (most !== null && have >= most && t('off.full')),
    change: !may('backup.create') && t('no_right.create'),
    restore:
      (!may('backup.restore') && t('no_right.restore')) || held || (list.data?.restore && t('off.restoring')),
    remove: !may('backup.delete') && t('no_right.delete'),
  }
  const add = (
    <Button look="primary" icon={Plus} off={off.create} onClick={() => setMaking(true)}>
      {t('new')}
    </Button>
  )
  const items = list.data?.items ?? []
  return (
    <Card>
      <CardHead
        title={t('page')}
        note={list.data && items.length > 0 ? <Room list={list.data} /> : undefined}
      >
        {items.length > 0 && add}
      </CardHead>
      {!may('backup.read') && <Empty title={t('no_right.read')} />}
      {may('backup.read') && list.isPending && <SkeletonRows rows={3} />}
      {list.isError && (
        <div className="p-4">
          <ProblemView error={list.error} onRetry={() => void list.refetch()} />
        </div>
      )}
      {list.data?.restore && (
        <div className="border-b border-line px-4 py-3">
          <div className="mb-1 font-medium">{t('restoring')}</div>
          <Progress operation={list.data.restore} />
        </div>
      )}
      {list.data && items.length === 0 && <Nothing list={list.data} add={add} />}
      {items.length > 0 && (
        <ul aria-label={t('page')}>
          {items.map((backup) => (
            <Row
              key={backup.id}
              server={server}
              backup={backup}
              off={off}
              onRestore={() => setRestoring(backup)}
              onRemove={() => setRemoving(backup)}
            />
          ))}
        </ul>
      )}
      {list.data && (
        <BackupDialog
          server={server}
          stores={list.data.stores}
          open={making}
          onClose={() => setMaking(false)}
        />
      )}
      <RestoreDialog server={server} backup={restoring} onClose={() => setRestoring(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('delete.title', { name: nameOf(removing) })}
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
    </Card>
  )
}

const nameOf = (backup: Backup | undefined) => (backup ? visible(backup.name) || t('unnamed') : '')

function Nothing({ list, add }: { list: BackupList; add: ReactNode }) {
  if (list.limit === 0) return <Empty title={t('none_allowed')}>{t('none_allowed_why')}</Empty>
  if (list.stores.length === 0) return <Empty title={t('no_store')}>{t('no_store_why')}</Empty>
  return (
    <Empty title={t('none')} action={add}>
      {t('none_why')}
    </Empty>
  )
}

/** How many of how many, and what they take. */
function Room({ list }: { list: BackupList }) {
  const { used, limit, bytes } = list
  const text =
    limit === null || limit === undefined
      ? t('room', { n: used, size: bytesText(bytes) })
      : t('room_of', { n: count(used), most: count(limit), size: bytesText(bytes) })
  return (
    <span className="inline-flex items-center gap-2">
      {text}
      {limit ? (
        <span className="w-20">
          <Bar share={used / limit} look={used >= limit ? 'warn' : 'use'} label={text} />
        </span>
      ) : null}
    </span>
  )
}

function Progress({ operation }: { operation: Operation }) {
  const { done_bytes: done, total_bytes: total, bytes_per_second: rate, step } = operation
  const counted = typeof done === 'number' && typeof total === 'number' && total > 0
  const words = [
    step && visible(step),
    counted && ofText(done, total),
    counted && typeof rate === 'number' && rate > 0 && rateText(rate),
  ].filter(Boolean)
  const text = words.join(' · ') || t('waiting')
  return (
    <div className="min-w-0">
      <Bar share={counted ? done / total : 0} look="move" label={text} />
      <div className="mt-1 truncate text-12 text-t3">{text}</div>
    </div>
  )
}

function Row({
  server,
  backup,
  off,
  onRestore,
  onRemove,
}: {
  server: Server
  backup: Backup
  off: { change: string | false; restore: string | false | null | undefined; remove: string | false }
  onRestore: () => void
  onRemove: () => void
}) {
  const { state, operation, locked } = backup
  const name = nameOf(backup)
  const [family, shape] = LOOKS[state]
  const there = state === 'done'
  const change = async (body: { locked?: boolean }) => {
    try {
      await must(
        api.PATCH('/servers/{server}/backups/{backup}', {
          params: { path: { server: server.id, backup: backup.id } },
          body,
        }),
      )
      await queryClient.invalidateQueries({ queryKey: keys.backups(server.id) })
    } catch (error) {
      toast.error(t('change_failed'), error)
    }
  }
  const cancel = async () => {
    if (!operation) return
    try {
      await must(api.POST('/operations/{id}/cancel', { params: { path: { id: operation.id } } }))
    } catch (error) {
      toast.error(t('change_failed'), error)
    }
  }
  const told = backup.message || (backup.skipped > 0 && t('skipped', { n: backup.skipped }))
  return (
    <li
      className={`${GRID} min-h-(--h-row) border-b border-line py-2 last:border-0 max-lg:gap-y-1 max-lg:py-3`}
    >
      <div className="min-w-0">
        <div className="flex items-center gap-1.5">
          {locked && <Lock role="img" aria-label={t('locked')} size={13} className="shrink-0 text-t3" />}
          <span className="truncate font-medium" title={name}>
            {name}
          </span>
        </div>
        <div className="truncate text-12 text-t3">
          <Ago at={backup.created_at} /> · {visible(backup.store.name)}
        </div>
      </div>
      <div className="min-w-0">
        {there && (
          <>
            <div className="num">{bytesText(backup.total_bytes)}</div>
            <div className="truncate text-12 text-t3">
              {t('added', { size: bytesText(backup.added_bytes) })}
            </div>
          </>
        )}
        {operation && state === 'running' && <Progress operation={operation} />}
      </div>
      <div className="min-w-0">
        <Badge plain family={family} shape={shape}>
          {t(`state.${state}`)}
        </Badge>
        {told && (
          <p className="line-clamp-2 text-12 text-t2" title={backup.warnings.map(visible).join('\n')}>
            {visible(told)}
          </p>
        )}
      </div>
      <div className="flex flex-wrap justify-end gap-2 max-lg:mt-1 max-lg:justify-start">
        {state === 'running' ? (
          <Button size="sm" off={off.change} onClick={cancel} aria-label={t('cancel_of', { name })}>
            {t('cancel')}
          </Button>
        ) : (
          <>
            {there && (
              <>
                <Button
                  size="sm"
                  off={off.restore || false}
                  onClick={onRestore}
                  aria-label={t('restore_of', { name })}
                >
                  {t('restore')}
                </Button>
                <Button
                  size="sm"
                  off={off.change}
                  onClick={() => change({ locked: !locked })}
                  aria-label={t(locked ? 'unlock_of' : 'lock_of', { name })}
                >
                  {t(locked ? 'unlock' : 'lock')}
                </Button>
              </>
            )}
            <Button
              size="sm"
              look="danger"
              off={off.remove || (locked && t('off.locked')) || (state === 'removing' && t('off.busy'))}
              onClick={onRemove}
              aria-label={t('delete_of', { name })}
            >
              {t('delete')}
            </Button>
          </>
        )}
      </div>
    </li>
  )
}
