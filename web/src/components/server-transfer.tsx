import { queryOptions, useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, nodesQuery, queryClient } from '~/api/queries'
import type { Server, Transfer } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { Warnings } from '~/components/transfer-warnings'
import { WorkProgress } from '~/components/work-progress'
import { TransferDialog } from '~/forms/transfer-begin'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Mark, type Shape } from '~/ui/badge'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { cx } from '~/util/cx'
import { bytesText, elapsed, sentence } from '~/util/format'
import type { Family } from '~/util/state'
import { visible } from '~/util/visible'

const t = texts('transfers')

const OVER = ['done', 'failed', 'cancelled']

/** The newest transfer of a server; none if it was never moved. */
function transferQuery(server: string) {
  return queryOptions({
    queryKey: [...keys.server(server), 'transfer'] as const,
    queryFn: async (): Promise<Transfer | null> => {
      try {
        return await must(api.GET('/servers/{server}/transfer', { params: { path: { server } } }))
      } catch (error) {
        if (asProblem(error).status === 404) return null
        throw error
      }
    },
    refetchInterval: (query) => {
      const state = query.state.data?.state
      return state && !OVER.includes(state) ? 1000 : false
    },
  })
}

/** Moves a server to another node, and shows how far that is. Nothing where the reader may not. */
export default function ServerTransfer({ server }: { server: Server }) {
  const may = server.permissions.includes('admin.server.transfer')
  const query = useQuery({ ...transferQuery(server.id), enabled: may })
  const nodes = useQuery({ ...nodesQuery, enabled: may })
  const [asking, setAsking] = useState(false)
  const transfer = query.data
  const busy = transfer != null && !OVER.includes(transfer.state)
  const state = transfer?.state
  useEffect(() => {
    // Where it stands has changed for all that is shown of the server.
    if (state === 'done')
      void queryClient.invalidateQueries({ queryKey: keys.server(server.id), exact: true })
  }, [state, server.id])
  if (!may) return null
  const others = nodes.data?.filter((node) => node.id !== server.node.id) ?? []
  return (
    <Card>
      <div id="transfer">
        <CardHead title={t('title')} note={t('note', { node: server.node.name })} />
      </div>
      {query.isError && (
        <div className="p-4">
          <ProblemView error={query.error} onRetry={() => void query.refetch()} />
        </div>
      )}
      {transfer && <Shown server={server} transfer={transfer} />}
      {!busy && (
        <div className="flex flex-wrap items-center gap-3 border-t border-line px-4 py-3 first:border-0">
          <p className="min-w-0 flex-1 basis-64 text-12 text-t3">{t('what')}</p>
          <Button off={others.length === 0 && t('no_other')} onClick={() => setAsking(true)}>
            {t('begin')}
          </Button>
        </div>
      )}
      <TransferDialog
        server={server}
        nodes={others}
        open={asking}
        onClose={() => {
          setAsking(false)
          void query.refetch()
        }}
      />
    </Card>
  )
}

const LOOKS: Record<Transfer['state'], [family: Family, shape: Shape]> = {
  copying: ['move', 'transferring'],
  ready: ['warn', 'look'],
  stopping: ['move', 'stopping'],
  last: ['move', 'transferring'],
  placing: ['move', 'transferring'],
  starting: ['move', 'starting'],
  undoing: ['move', 'restoring'],
  done: ['run', 'ok'],
  failed: ['fail', 'crashed'],
  cancelled: ['stop', 'stopped'],
}

function Shown({ server, transfer }: { server: Server; transfer: Transfer }) {
  const [asking, setAsking] = useState(false)
  const params = { params: { path: { server: server.id } } }
  const fresh = (data: Transfer) => queryClient.setQueryData(transferQuery(server.id).queryKey, data)
  const go = useMutation({
    mutationFn: () => must(api.PATCH('/servers/{server}/transfer', { ...params, body: { go: true } })),
    onSuccess: fresh,
    onError: (error) => toast.error(t('go.failed'), error),
  })
  const over = OVER.includes(transfer.state)
  const nodes = { from: visible(transfer.from.name), to: visible(transfer.to.name) }
  const [family, shape] = LOOKS[transfer.state]
  return (
    <div className="flex flex-col gap-3 px-4 py-3">
      <div className="flex flex-wrap items-start gap-x-3 gap-y-2">
        <div className="min-w-0 flex-1 basis-60">
          <div className="flex items-start gap-2 font-medium" role="status">
            <span className="pt-1">
              <Mark shape={shape} family={family} />
            </span>
            {transfer.step === 'queued' ? t('queued') : t(`state.${transfer.state}`)}
          </div>
          <div className="pl-5 text-12 text-t3">
            {t('way', nodes)}
            {transfer.ended_at && (
              <>
                {' · '}
                <Ago at={transfer.ended_at} />
              </>
            )}
          </div>
        </div>
        <div className="flex flex-wrap gap-2">
          {!over && (
            <Button off={!transfer.cancellable && t('cancel.late')} onClick={() => setAsking(true)}>
              {t('cancel')}
            </Button>
          )}
          {transfer.state === 'ready' && (
            <Button look="primary" busy={go.isPending} onClick={() => go.mutate()}>
              {t('go')}
            </Button>
          )}
        </div>
      </div>
      {!over && transfer.state !== 'undoing' && <Way state={transfer.state} />}
      {!over && transfer.state !== 'ready' && transfer.total_bytes > 0 && (
        <WorkProgress
          operation={{
            ...transfer,
            step: t('pass', { n: String(transfer.pass) }),
            state: 'running',
            percent: null,
          }}
        />
      )}
      <Facts transfer={transfer} />
      {transfer.message && (
        <p className="text-12 text-t2 [overflow-wrap:anywhere]">{sentence(visible(transfer.message))}</p>
      )}
      {!over && <Warnings warnings={transfer.warnings} />}
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={t('cancel.title', { server: server.name })}
        verb={t('cancel')}
        onConfirm={async () => {
          try {
            fresh(await must(api.DELETE('/servers/{server}/transfer', params)))
          } catch (error) {
            toast.error(t('cancel.failed'), error)
            throw error
          }
        }}
      >
        {t('cancel.note')}
      </Confirm>
    </div>
  )
}

const STEPS = ['copy', 'stop', 'last', 'start'] as const
const AT: Partial<Record<Transfer['state'], number>> = {
  copying: 0,
  ready: 1,
  stopping: 1,
  last: 2,
  placing: 2,
  starting: 3,
}

/** What is behind it, and what is still to come. */
function Way({ state }: { state: Transfer['state'] }) {
  const at = AT[state] ?? 0
  return (
    <ol aria-label={t('steps')} className="grid grid-cols-4 gap-2">
      {STEPS.map((step, n) => (
        <li
          key={step}
          aria-current={n === at ? 'step' : undefined}
          className={cx(
            'min-w-0 border-t-2 pt-1.5 text-12',
            n < at && 'border-run-dot text-t2',
            n === at && (state === 'ready' ? 'border-warn-dot' : 'border-move-dot'),
            n === at && 'font-medium text-t1',
            n > at && 'border-line-2 text-t3',
          )}
        >
          <span className="flex items-start gap-1">
            {n < at && (
              <span className="pt-[3px]">
                <Mark shape="ok" family="run" size={10} />
              </span>
            )}
            <span className="min-w-0 [hyphens:auto]">{t(`step.${step}`)}</span>
          </span>
        </li>
      ))}
    </ol>
  )
}

function Facts({ transfer }: { transfer: Transfer }) {
  const { expected_downtime_ms: expected, downtime_ms: real } = transfer
  const facts = [
    real != null && t('real', { time: elapsed(real) }),
    real == null && expected != null && t('expected', { time: elapsed(expected) }),
    transfer.files > 0 && t('files', { n: transfer.files, size: bytesText(transfer.size_bytes) }),
    transfer.skipped > 0 && t('skipped', { n: transfer.skipped }),
  ].filter(Boolean)
  return facts.length > 0 ? <p className="num text-12 text-t2">{facts.join(' · ')}</p> : null
}
