import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { queryClient } from '~/api/queries'
import type { Operation } from '~/api/types'
import { WorkProgress } from '~/components/work-progress'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { sentence } from '~/util/format'
import { visible } from '~/util/visible'
import { archivingQuery, callOff, ended } from './archive-calls'

const t = texts('archives')
const fetching = texts('fetch')
const common = texts('common')
const problems = texts('problems')

/** How far archives and downloads of this server are; says how each has ended, and reads the folders anew. */
export function ArchiveStrip({ server }: { server: string }) {
  const { data } = useQuery(archivingQuery(server))
  useEnds(server, data)
  if (!data?.length) return null
  return (
    <ul aria-label={t('running')} className="mb-3 flex flex-col gap-2">
      {data.map((operation) => (
        <li
          key={operation.id}
          className="flex items-center gap-3 rounded-box border border-line bg-surface px-4 py-2.5"
        >
          <div className="min-w-0 flex-1">
            <div className="mb-1 font-medium">{wordOf(operation.kind)}</div>
            <WorkProgress operation={operation} />
          </div>
          <Button
            size="sm"
            onClick={() =>
              void callOff(operation.id).catch((error) => toast.error(t('cancel_failed'), error))
            }
          >
            {common('cancel')}
          </Button>
        </li>
      ))}
    </ul>
  )
}

/** What ran a moment ago and runs no more has ended. */
function useEnds(server: string, running: Operation[] | undefined): void {
  const before = useRef(new Set<string>())
  useEffect(() => {
    if (!running) return
    const now = new Set(running.map((each) => each.id))
    const gone = [...before.current].filter((id) => !now.has(id))
    before.current = now
    for (const id of gone)
      void ended(id)
        .then(tell, () => undefined)
        .then(() => queryClient.invalidateQueries({ queryKey: ['server', server, 'files'] }))
  }, [running, server])
}

function wordOf(kind: string): string {
  if (kind === 'download') return fetching('at_work')
  return t(kind === 'extract' ? 'unpacking' : 'packing')
}

function endOf(kind: string, end: 'done' | 'failed' | 'cancelled'): string {
  if (kind === 'download') return fetching(end)
  const which = kind === 'extract' ? 'unpack' : 'pack'
  return { done: t(`${which}.done`), failed: t(`${which}.failed`), cancelled: t(`${which}.cancelled`) }[end]
}

/** What is to be known of work that was done: where a file stands, that something was left out. */
function noteOf(operation: Operation): string | undefined {
  if (operation.code === 'downloaded') return visible(operation.message ?? '')
  return operation.code === 'left_out' ? t('left_out') : undefined
}

function tell(operation: Operation): void {
  const { kind, state, code, message } = operation
  if (state === 'done') toast.done(endOf(kind, 'done'), noteOf(operation))
  else if (state === 'cancelled') toast.show({ kind: 'note', title: endOf(kind, 'cancelled') })
  else if (state !== 'pending' && state !== 'running')
    toast.show({
      kind: 'error',
      title: endOf(kind, 'failed'),
      text: problems.maybe(code ?? '') ?? sentence(visible(message ?? '')),
    })
}
