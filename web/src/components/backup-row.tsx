import { Ellipsis, FileSearch, Lock, LockOpen, Pencil, Trash2 } from 'lucide-react'
import { api, must } from '~/api/client'
import { extraWords } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Backup, Server } from '~/api/types'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Badge, type Shape } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Menu, MenuItem, MenuLine } from '~/ui/menu'
import { Ago } from '~/ui/time'
import { bytesText, sentence } from '~/util/format'
import type { Family } from '~/util/state'
import { visible } from '~/util/visible'
import { WorkProgress } from './work-progress'

const t = texts('backups')

export const backupName = (backup: Backup | undefined) => (backup ? visible(backup.name) || t('unnamed') : '')

export type BackupAct = 'restore' | 'some' | 'rename' | 'delete'

/** Why something can't be done to backups, or false where it can. */
export type BackupOff = Record<'change' | 'restore' | 'remove', string | false>

const GRID =
  'grid grid-cols-[minmax(0,3fr)_minmax(0,3fr)_minmax(0,2fr)_8.5rem] items-center gap-x-4 px-4 max-lg:grid-cols-[minmax(0,1fr)_auto]'
const LOOKS: Record<Backup['state'], [family: Family, shape: Shape]> = {
  done: ['run', 'ok'],
  running: ['move', 'installing'],
  removing: ['move', 'deleting'],
  failed: ['fail', 'look'],
}

async function change(server: string, backup: string, body: { locked: boolean }) {
  try {
    const path = { server, backup }
    await must(api.PATCH('/servers/{server}/backups/{backup}', { params: { path }, body }))
    await queryClient.invalidateQueries({ queryKey: keys.backups(server) })
  } catch (error) {
    toast.error(t('change_failed'), error)
  }
}

async function cancel(operation: string) {
  try {
    await must(api.POST('/operations/{id}/cancel', { params: { path: { id: operation } } }))
  } catch (error) {
    toast.error(t('cancel_failed'), error)
  }
}

/** One backup: what it is, how far it is, and what can be done with it. */
export function BackupRow({
  server,
  backup,
  off,
  onAct,
}: {
  server: Server
  backup: Backup
  off: BackupOff
  onAct: (act: BackupAct) => void
}) {
  const { state, operation } = backup
  const [family, shape] = LOOKS[state]
  const name = backupName(backup)
  return (
    <li
      className={`${GRID} min-h-(--h-row) border-b border-line py-2 last:border-0 max-lg:gap-y-1.5 max-lg:py-3`}
    >
      <div className="min-w-0">
        <div className="flex items-center gap-1.5">
          {backup.locked && (
            <Lock role="img" aria-label={t('locked')} size={13} className="shrink-0 text-t3" />
          )}
          <span className="truncate font-medium" title={name}>
            {name}
          </span>
        </div>
        <div className="truncate text-12 text-t3">
          <Ago at={backup.created_at} /> · {visible(backup.store.name)}
        </div>
      </div>
      <div className="min-w-0 max-lg:order-1 max-lg:col-span-2">
        {state === 'done' && (
          <div className="max-lg:flex max-lg:items-baseline max-lg:gap-2">
            <div className="num shrink-0">{bytesText(backup.total_bytes)}</div>
            <div className="num truncate text-12 text-t3">
              {t('added', { size: bytesText(backup.added_bytes) })}
            </div>
          </div>
        )}
        {state === 'running' && operation && <WorkProgress operation={operation} />}
      </div>
      <div className="min-w-0 max-lg:order-2 max-lg:col-span-2">
        <Badge plain family={family} shape={shape}>
          {t(`state.${state}`)}
        </Badge>
        <Told backup={backup} />
      </div>
      <div className="flex justify-end gap-2">
        {state === 'running' ? (
          <Button
            size="sm"
            off={off.change || (!operation && t('off.busy'))}
            onClick={() => operation && void cancel(operation.id)}
            aria-label={t('cancel_of', { name })}
          >
            {t('cancel')}
          </Button>
        ) : (
          <Acts {...{ server, backup, off, onAct }} />
        )}
      </div>
    </li>
  )
}

/** What went wrong, or what is not in it. */
function Told({ backup }: { backup: Backup }) {
  const words = backup.code ? extraWords(backup.code) : undefined
  const told =
    words ?? backup.message ?? (backup.skipped > 0 ? t('skipped', { n: backup.skipped }) : undefined)
  if (!told) return null
  const title = [...(words && backup.message ? [backup.message] : []), ...backup.warnings].map(visible)
  return (
    <p className="line-clamp-2 text-12 text-t2 [overflow-wrap:anywhere]" title={title.join('\n')}>
      {sentence(visible(told))}
    </p>
  )
}

function Acts({
  server,
  backup,
  off,
  onAct,
}: {
  server: Server
  backup: Backup
  off: BackupOff
  onAct: (act: BackupAct) => void
}) {
  const { state, locked } = backup
  const name = backupName(backup)
  const there = state === 'done'
  return (
    <>
      {there && (
        <Button
          size="sm"
          off={off.restore}
          onClick={() => onAct('restore')}
          aria-label={t('restore_of', { name })}
        >
          {t('restore')}
        </Button>
      )}
      <Menu
        trigger={
          <Button size="sm" iconOnly icon={Ellipsis} aria-label={t('more_of', { name })}>
            {t('more_of', { name })}
          </Button>
        }
      >
        {there && (
          <>
            <MenuItem icon={FileSearch} off={off.restore} onSelect={() => onAct('some')}>
              {t('restore.some_of')}
            </MenuItem>
            <MenuItem icon={Pencil} off={off.change} onSelect={() => onAct('rename')}>
              {t('rename')}
            </MenuItem>
            <MenuItem
              icon={locked ? LockOpen : Lock}
              off={off.change || (locked && off.remove)}
              onSelect={() => void change(server.id, backup.id, { locked: !locked })}
            >
              {t(locked ? 'unlock' : 'lock')}
            </MenuItem>
            <MenuLine />
          </>
        )}
        <MenuItem
          icon={Trash2}
          danger
          off={off.remove || (locked && t('off.locked')) || (state === 'removing' && t('off.busy'))}
          onSelect={() => onAct('delete')}
        >
          {t('delete')}
        </MenuItem>
      </Menu>
    </>
  )
}
