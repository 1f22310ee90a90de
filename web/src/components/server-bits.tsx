import { useQuery } from '@tanstack/react-query'
import { api, must } from '~/api/client'
import { limitsOf, type ServerSummary } from '~/api/types'
import { LEVEL_TEXT, levelOf, Spark } from '~/ui/spark'
import { Ago, Since } from '~/ui/time'
import { cx } from '~/util/cx'
import { bytesText, percentText } from '~/util/format'
import { pendingIntent, shownState } from '~/util/state'
import { StateBadge } from './state-badge'

const REASONS: Record<string, string> = {
  oom: 'out of memory',
  exit: 'ended by itself',
  install_failed: 'install failed',
  pull_failed: 'image not pulled',
  done_marker: '',
  asked: '',
  crash_policy: 'restarted after a crash',
}

/** The reason of a state in a person's words. */
export function reasonOf(server: ServerSummary): string | undefined {
  const reason = server.reason ?? undefined
  if (reason === undefined) return server.detail ?? undefined
  const known = REASONS[reason]
  if (known === '') return undefined
  return known ?? server.detail ?? reason.replaceAll('_', ' ')
}

/** The fact behind a badge: since when, why, how far. */
export function StateNote({ server }: { server: ServerSummary }) {
  const state = shownState(server)
  const intent = pendingIntent(server)
  if (intent) {
    return (
      <>
        {intent.word.toLowerCase()}, asked <Ago at={intent.since} />
      </>
    )
  }
  const { operation } = server
  switch (state) {
    case 'installing':
      if (operation?.percent != null)
        return <>{[`${Math.round(operation.percent)} %`, operation.step].filter(Boolean).join(', ')}</>
      return (
        <>
          since <Since at={server.state_since} />
        </>
      )
    case 'starting':
    case 'stopping':
      return server.intent ? (
        <>
          asked <Ago at={server.intent.asked_at} />
        </>
      ) : (
        <>
          for <Since at={server.state_since} precise />
        </>
      )
    case 'crashed':
    case 'error':
      return (
        <>
          {reasonOf(server) ? `${reasonOf(server)}, ` : ''}
          <Ago at={server.state_since} />
        </>
      )
    case 'unreachable':
      return <>{server.node.name} is away</>
    case 'suspended':
      return <>by an administrator</>
    case 'stopped':
      return <Since at={server.state_since} />
    case 'running':
      return null
    default:
      return null
  }
}

export function StateCell({ server }: { server: ServerSummary }) {
  const state = shownState(server)
  const note = state !== 'running' || pendingIntent(server)
  return (
    <>
      <div className="leading-[18px]">
        <StateBadge state={state} plain />
      </div>
      {note && (
        <div className="truncate pl-5 text-12 text-t3">
          <StateNote server={server} />
        </div>
      )}
    </>
  )
}

const SPARK_POINTS = 40
/** Above this many rows the sparklines would be a request each too many. */
export const SPARK_ROWS = 60

/** The last 40 minutes, a point a minute. One request per row, so only for lists that are short enough. */
export function useSpark(server: string, enabled: boolean) {
  return useQuery({
    queryKey: ['spark', server],
    enabled,
    staleTime: 300_000,
    queryFn: () => {
      const now = Date.now()
      return must(
        api.GET('/servers/{server}/metrics', {
          params: { path: { server }, query: { from: new Date(now - 3_600_000).toISOString(), step: 60 } },
        }),
      )
    },
  })
}

function tail(values: Array<number | null> | undefined, last: number | undefined): Array<number | null> {
  const past = (values ?? []).slice(-SPARK_POINTS)
  if (last !== undefined) past.push(last)
  return past.length > 0 ? past : [0, 0]
}

/** Sparkline, figure, and the limit under it. */
export function UsageCell({
  server,
  what,
  sparks,
  label,
}: {
  server: ServerSummary
  what: 'cpu' | 'memory'
  sparks: boolean
  /** On a card the figure has no column head, and its limit is the dashed line alone. */
  label?: string
}) {
  const { data } = useSpark(server.id, sparks)
  const away = server.node.state === 'offline'
  const usage = away ? undefined : (server.usage ?? undefined)
  const up = ['running', 'starting', 'stopping', 'installing'].includes(server.state)
  const limits = limitsOf(server.limits)
  const limit = what === 'cpu' ? limits.cpu_percent : limits.memory_bytes
  const value = usage ? (what === 'cpu' ? usage.cpu_percent : usage.memory_bytes) : up ? undefined : 0
  const text = (n: number, asLimit = false) =>
    what === 'cpu' ? percentText(n, asLimit) : bytesText(n, asLimit)
  const series = data?.series[what === 'cpu' ? 'cpu_percent' : 'memory_bytes']
  return (
    <div className="flex items-center gap-2">
      {label && <span className="w-7 shrink-0 text-12 text-t3">{label}</span>}
      {sparks && <Spark values={tail(series, value)} limit={limit} away={away} />}
      <div className="num min-w-0">
        <div
          className={cx(
            'leading-[18px]',
            value === undefined || value === 0 ? 'text-t3' : LEVEL_TEXT[levelOf(value, limit)],
          )}
        >
          {value === undefined ? 'no data' : text(value)}
        </div>
        {!label && (
          <div className="text-12 text-t3">{limit > 0 ? `of ${text(limit, true)}` : 'no limit'}</div>
        )}
      </div>
    </div>
  )
}
