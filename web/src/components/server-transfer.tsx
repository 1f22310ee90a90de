import { queryOptions, useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, nodesQuery, queryClient } from '~/api/queries'
import type { Server, Transfer } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { Warnings } from '~/components/transfer-warnings'
import { TransferDialog } from '~/forms/transfer-begin'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { Bar } from '~/ui/spark'
import { bytesText, elapsed, ofText, rateText } from '~/util/format'
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
  return (
    <div className="flex flex-col gap-2 px-4 py-3" aria-live="polite">
      <div className="flex flex-wrap items-center gap-3">
        <div className="min-w-0 flex-1">
          <div className="font-medium">{t(`state.${transfer.state}`)}</div>
          <div className="text-12 text-t3">{t('way', nodes)}</div>
        </div>
        {transfer.state === 'ready' && (
          <Button look="primary" busy={go.isPending} onClick={() => go.mutate()}>
            {t('go')}
          </Button>
        )}
        {!over && (
          <Button off={!transfer.cancellable && t('cancel.late')} onClick={() => setAsking(true)}>
            {t('cancel')}
          </Button>
        )}
      </div>
      {!over && <Progress transfer={transfer} />}
      <Facts transfer={transfer} />
      {transfer.message && (
        <p className="text-12 text-t2 [overflow-wrap:anywhere]">{visible(transfer.message)}</p>
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

function Progress({ transfer }: { transfer: Transfer }) {
  const { done_bytes: done, total_bytes: total, bytes_per_second: rate } = transfer
  if (total === 0) return null
  return (
    <div>
      <Bar share={Math.min(done / total, 1)} look="move" label={t('progress')} />
      <div className="num flex gap-3 text-12 text-t3">
        <span>{ofText(done, total)}</span>
        {rate > 0 && <span>{rateText(rate)}</span>}
        <span>{t('pass', { n: String(transfer.pass) })}</span>
      </div>
    </div>
  )
}

function Facts({ transfer }: { transfer: Transfer }) {
  const { expected_downtime_ms: expected, downtime_ms: real } = transfer
  return (
    <div className="flex flex-wrap gap-x-4 text-12 text-t2">
      {transfer.files > 0 && (
        <span>{t('files', { n: transfer.files, size: bytesText(transfer.size_bytes) })}</span>
      )}
      {expected != null && <span>{t('expected', { time: elapsed(expected) })}</span>}
      {real != null && <span>{t('real', { time: elapsed(real) })}</span>}
      {transfer.skipped > 0 && <span>{t('skipped', { n: transfer.skipped })}</span>}
    </div>
  )
}
