import { useQuery } from '@tanstack/react-query'
import { api, must } from '~/api/client'
import { limitsOf, type ServerSummary } from '~/api/types'
import { texts } from '~/i18n/texts'
import { LEVEL_TEXT, levelOf, Spark } from '~/ui/spark'
import { Ago, Since } from '~/ui/time'
import { cx } from '~/util/cx'
import { bytesText, percentText } from '~/util/format'
import { pendingIntent, shownState } from '~/util/state'
import { StateBadge } from './state-badge'

const t = texts('servers')

/** Reasons that say nothing which the state does not say. */
const PLAIN = new Set(['done_marker', 'asked'])

/** The reason of a state in a person's words. */
export function reasonOf(server: ServerSummary): string | undefined {
  const reason = server.reason ?? undefined
  if (reason === undefined) return server.detail ?? undefined
  if (PLAIN.has(reason)) return undefined
  return t.maybe(`reason.${reason}`) ?? server.detail ?? reason.replaceAll('_', ' ')
}

/** The fact behind a badge: since when, why, how far. */
export function StateNote({ server }: { server: ServerSummary }) {
  const state = shownState(server)
  const intent = pendingIntent(server)
  if (intent && server.intent) {
    return <>{t.rich('note.intent', { action: server.intent.action, ago: <Ago at={intent.since} /> })}</>
  }
  const { operation } = server
  switch (state) {
    case 'installing':
      if (operation?.percent != null)
        return <>{[`${Math.round(operation.percent)} %`, operation.step].filter(Boolean).join(', ')}</>
      return <>{t.rich('note.since', { since: <Since at={server.state_since} /> })}</>
    case 'starting':
    case 'stopping':
      return (
        <>
          {server.intent
            ? t.rich('note.asked', { ago: <Ago at={server.intent.asked_at} /> })
            : t.rich('note.for', { since: <Since at={server.state_since} precise /> })}
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
      return <>{t('note.node_away', { node: server.node.name })}</>
    case 'suspended':
      return <>{t('note.suspended')}</>
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
          {value === undefined ? t('usage.none') : text(value)}
        </div>
        {!label && (
          <div className="text-12 text-t3">
            {limit > 0 ? t('usage.of', { limit: text(limit, true) }) : t('usage.no_limit')}
          </div>
        )}
      </div>
    </div>
  )
}
