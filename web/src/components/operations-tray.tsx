import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Check, CircleX, Download, type LucideIcon, RotateCcw, ScrollText, Trash2, X } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, operationsQuery, queryClient } from '~/api/queries'
import type { Operation } from '~/api/types'
import { layers, useLayer } from '~/stores/layers'
import { toast } from '~/stores/toasts'
import { Button, buttonClass } from '~/ui/button'
import { Bar } from '~/ui/spark'
import { Ago, Since } from '~/ui/time'
import { cx } from '~/util/cx'
import { elapsed, plural, sentence } from '~/util/format'

const KINDS: Record<string, { word: string; icon: LucideIcon }> = {
  install: { word: 'Install', icon: Download },
  reinstall: { word: 'Reinstall', icon: RotateCcw },
  delete: { word: 'Delete', icon: Trash2 },
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

async function cancel(operation: Operation): Promise<void> {
  try {
    await must(api.POST('/operations/{id}/cancel', { params: { path: { id: operation.id } } }))
    await queryClient.invalidateQueries({ queryKey: keys.operations })
  } catch (error) {
    toast.error('Not cancelled', error)
  }
}

function Times({ operation }: { operation: Operation }) {
  if (isActive(operation)) return <Since at={operation.started_at ?? operation.created_at} precise />
  const ended = operation.ended_at ?? operation.created_at
  if (failedNow(operation)) {
    return (
      <>
        {operation.state} <Ago at={ended} />
      </>
    )
  }
  return <Ago at={ended} />
}

export function OperationRow({ operation, onOpen }: { operation: Operation; onOpen?: () => void }) {
  const kind = KINDS[operation.kind] ?? { word: operation.kind, icon: Download }
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
          <>
            <div className="mt-2 mb-1.5">
              <Bar look="move" share={(operation.percent ?? 0) / 100} label={`${operation.percent ?? 0} %`} />
            </div>
            <div className="num flex justify-between gap-3 text-12 text-t3">
              <span className="truncate">
                {operation.step ?? (operation.state === 'pending' ? 'waiting for the node' : 'running')}
              </span>
              {operation.percent != null && (
                <span className="shrink-0">{Math.round(operation.percent)} %</span>
              )}
            </div>
          </>
        )}
        {!active && (
          <div className={cx('mt-0.5 [overflow-wrap:anywhere]', failed ? 'text-t2' : 'text-12 text-t3')}>
            {sentence(operation.message ?? '') ||
              (operation.state === 'done' ? `took ${elapsed(took)}` : operation.state)}
          </div>
        )}
        {(active || operation.log || failed) && (
          <div className="mt-2 flex gap-1.5">
            {operation.server && operation.kind !== 'delete' && (
              <Link
                to="/servers/$server/install"
                params={{ server: operation.server.id }}
                search={{ operation: operation.id }}
                onClick={onOpen}
                className={buttonClass('secondary', 'sm', false)}
              >
                <ScrollText aria-hidden="true" size={14} strokeWidth={1.75} />
                Log
              </Link>
            )}
            {active && (
              <Button size="sm" onClick={() => void cancel(operation)}>
                Cancel
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
            <Dialog.Title className="text-14 font-semibold">Operations</Dialog.Title>
            <span className="text-t3">
              {running > 0 || failed > 0
                ? [running > 0 && `${running} running`, failed > 0 && `${failed} failed`]
                    .filter(Boolean)
                    .join(', ')
                : shown.length > 0
                  ? plural(shown.length, 'recent one')
                  : ''}
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
              Clear done
            </Button>
            <Button size="sm" look="quiet" iconOnly icon={X} onClick={close}>
              Close
            </Button>
          </div>
          {shown.length === 0 ? (
            <p className="px-4 py-8 text-center text-t3">
              Nothing is running. Installs and deletions show up here.
            </p>
          ) : (
            <ul className="min-h-0 overflow-y-auto">
              {shown.map((operation) => (
                <OperationRow key={operation.id} operation={operation} onOpen={close} />
              ))}
            </ul>
          )}
          <div className="flex h-10 shrink-0 items-center justify-between border-t border-line px-4 text-12">
            <Link to="/operations" onClick={close} className="hit font-medium text-accent">
              All operations
            </Link>
            <span className="text-t3">Goes on if you close the page</span>
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
