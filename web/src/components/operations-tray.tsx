import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import {
  Archive,
  Check,
  CircleX,
  Download,
  type LucideIcon,
  Network,
  RotateCcw,
  ScrollText,
  Trash2,
  X,
} from 'lucide-react'
import { Dialog } from 'radix-ui'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, operationsQuery, queryClient } from '~/api/queries'
import type { Operation } from '~/api/types'
import { texts } from '~/i18n/texts'
import { layers, useLayer } from '~/stores/layers'
import { toast } from '~/stores/toasts'
import { Button, buttonClass } from '~/ui/button'
import { Ago, Since } from '~/ui/time'
import { cx } from '~/util/cx'
import { elapsed, sentence } from '~/util/format'
import { visible } from '~/util/visible'
import { WorkProgress } from './work-progress'

const t = texts('operations')
const common = texts('common')

const ICONS: Record<string, LucideIcon> = {
  install: Download,
  reinstall: RotateCcw,
  delete: Trash2,
  backup: Archive,
  restore: RotateCcw,
  forget: Trash2,
  archive: Archive,
  handover: Network,
}
const TILE = {
  move: 'text-move-fg bg-move-tint border-move-line',
  run: 'text-run-fg bg-run-tint border-run-line',
  fail: 'text-fail-fg bg-fail-tint border-fail-line',
  stop: 'text-stop-fg bg-stop-tint border-stop-line',
} as const

const CLEARED = 'warren.operations.cleared'

function clearedAt(): number {
  return Number(localStorage.getItem(CLEARED) ?? 0)
}
export function isActive(operation: Operation): boolean {
  return operation.state === 'pending' || operation.state === 'running'
}
function failedNow(operation: Operation): boolean {
  return operation.state === 'failed' || operation.state === 'lost'
}
/** Failures since "Clear done" was pressed last. */
export function seenFailures(operations: Operation[] | undefined): number {
  const since = clearedAt()
  return operations?.filter((o) => failedNow(o) && Date.parse(o.ended_at ?? o.created_at) > since).length ?? 0
}

/** How many run and how many have failed; nothing where there are none of either. */
export function countsText(running: number, failed: number): string {
  return [running > 0 && t('running', { n: running }), failed > 0 && t('failed', { n: failed })]
    .filter(Boolean)
    .join(', ')
}

async function cancel(operation: Operation): Promise<void> {
  try {
    await must(api.POST('/operations/{id}/cancel', { params: { path: { id: operation.id } } }))
    await queryClient.invalidateQueries({ queryKey: keys.operations })
  } catch (error) {
    toast.error(t('cancel_failed'), error)
  }
}

function Times({ operation }: { operation: Operation }) {
  if (isActive(operation)) return <Since at={operation.started_at ?? operation.created_at} precise />
  const ended = operation.ended_at ?? operation.created_at
  if (failedNow(operation)) {
    return <>{t.rich(operation.state === 'lost' ? 'lost_ago' : 'failed_ago', { ago: <Ago at={ended} /> })}</>
  }
  return <Ago at={ended} />
}

export function OperationRow({ operation, onOpen }: { operation: Operation; onOpen?: () => void }) {
  const kind = {
    word: t.maybe(`kind.${operation.kind}`) ?? operation.kind,
    icon: ICONS[operation.kind] ?? Download,
  }
  const active = isActive(operation)
  const failed = failedNow(operation)
  const tile = active ? 'move' : failed ? 'fail' : operation.state === 'done' ? 'run' : 'stop'
  const Icon = operation.state === 'done' ? Check : failed ? CircleX : kind.icon
  const took = operation.ended_at
    ? Date.parse(operation.ended_at) - Date.parse(operation.started_at ?? operation.created_at)
    : 0
  return (
    <li className="flex gap-3 border-t border-line px-4 py-3.5 first:border-0">
      <span className={cx('flex size-7 shrink-0 items-center justify-center rounded-in border', TILE[tile])}>
        <Icon aria-hidden="true" size={16} strokeWidth={1.75} />
      </span>
      <div className="min-w-0 flex-1">
        <div className="flex gap-1.5">
          <span className="font-medium">{kind.word}</span>
          <span className="truncate text-t2">{operation.server?.name ?? operation.node?.name}</span>
          <span className="num ml-auto shrink-0 text-12 leading-5 text-t3">
            <Times operation={operation} />
          </span>
        </div>
        {active && (
          <div className="mt-2">
            <WorkProgress operation={operation} />
          </div>
        )}
        {!active && (
          <div className={cx('mt-0.5 [overflow-wrap:anywhere]', failed ? 'text-t2' : 'text-12 text-t3')}>
            {sentence(visible(operation.message ?? '')) ||
              (operation.state === 'done'
                ? t('took', { time: elapsed(took) })
                : (t.maybe(`state.${operation.state}`) ?? operation.state))}
          </div>
        )}
        {(active || operation.log || failed) && (
          <div className="mt-2 flex gap-1.5">
            {operation.server && (operation.log || operation.kind.endsWith('install')) && (
              <Link
                to="/servers/$server/install"
                params={{ server: operation.server.id }}
                search={{ operation: operation.id }}
                onClick={onOpen}
                className={buttonClass('secondary', 'sm', false)}
              >
                <ScrollText aria-hidden="true" size={14} strokeWidth={1.75} />
                {t('log')}
              </Link>
            )}
            {active && (
              <Button size="sm" onClick={() => void cancel(operation)}>
                {common('cancel')}
              </Button>
            )}
          </div>
        )}
      </div>
    </li>
  )
}

/** Long work, from anywhere: progress, log, cancel. Lives in the database, so it survives a reload. */
export function OperationsTray() {
  const open = useLayer() === 'tray'
  const { data } = useQuery(operationsQuery)
  const [cleared, setCleared] = useState(clearedAt)
  const shown = (data ?? [])
    .filter((o) => isActive(o) || Date.parse(o.ended_at ?? o.created_at) > cleared)
    .slice(0, 12)
  const running = shown.filter(isActive).length
  const failed = shown.filter(failedNow).length
  const close = () => layers.show(undefined)
  return (
    <Dialog.Root open={open} onOpenChange={(now) => !now && close()} modal={false}>
      <Dialog.Portal>
        <Dialog.Content
          aria-describedby={undefined}
          onInteractOutside={(event) => {
            if ((event.target as HTMLElement).closest('[data-tray-button]')) event.preventDefault()
          }}
          className="rise fixed top-14 right-4 z-(--z-drawer) flex max-h-[calc(100dvh-88px)] w-120 flex-col rounded-box border border-line-2 bg-overlay shadow-float outline-none max-sm:inset-x-2 max-sm:top-auto max-sm:bottom-18 max-sm:w-auto"
        >
          <div className="flex h-12 shrink-0 items-center gap-2 border-b border-line pr-2 pl-4">
            <Dialog.Title className="text-14 font-semibold">{t('title')}</Dialog.Title>
            <span className="text-t3">
              {countsText(running, failed) || (shown.length > 0 ? t('recent', { n: shown.length }) : '')}
            </span>
            <span className="flex-1" />
            <Button
              size="sm"
              look="quiet"
              onClick={() => {
                localStorage.setItem(CLEARED, String(Date.now()))
                setCleared(Date.now())
              }}
            >
              {t('clear')}
            </Button>
            <Button size="sm" look="quiet" iconOnly icon={X} onClick={close}>
              {common('close')}
            </Button>
          </div>
          {shown.length === 0 ? (
            <p className="px-4 py-8 text-center text-t3">{t('none')}</p>
          ) : (
            <ul className="min-h-0 overflow-y-auto">
              {shown.map((operation) => (
                <OperationRow key={operation.id} operation={operation} onOpen={close} />
              ))}
            </ul>
          )}
          <div className="flex h-10 shrink-0 items-center justify-between border-t border-line px-4 text-12">
            <Link to="/operations" onClick={close} className="hit font-medium text-accent">
              {t('all')}
            </Link>
            <span className="text-t3">{t('goes_on')}</span>
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
