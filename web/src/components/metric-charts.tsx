import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useMemo, useState } from 'react'
import { metricsQuery, runsQuery, type Span } from '~/api/metrics'
import { useNow } from '~/hooks/use-now'
import { texts } from '~/i18n/texts'
import { LIVE_SPAN_MS, type ServerLive } from '~/live/live'
import { useLanguage } from '~/stores/language'
import { Segmented } from '~/ui/segmented'
import { LEVEL_TEXT, levelOf, Spark } from '~/ui/spark'
import { cx } from '~/util/cx'
import { type Mark, marksOf } from '~/util/marks'
import { ChartCard, figure, type Panel } from './chart-card'

const t = texts('charts')

/** What stands at the left end of a time axis, in the language of now. */
export const RANGE_WORDS: Readonly<Record<Span, string>> = new (class {
  get '1h'() {
    return t('ago.1h')
  }
  get '24h'() {
    return t('ago.24h')
  }
  get '7d'() {
    return t('ago.7d')
  }
})()
const SPAN_S: Record<Span, number> = { '1h': 3600, '24h': 86_400, '7d': 604_800 }

export function RangePicker({
  value,
  live = true,
  onChange,
}: {
  value: Span | undefined
  live?: boolean
  onChange: (range: Span | undefined) => void
}) {
  const choices = [
    ...(live ? [{ value: 'live' as const, label: t('range.live') }] : []),
    { value: '1h' as const, label: t('range.1h') },
    { value: '24h' as const, label: t('range.24h') },
    { value: '7d' as const, label: t('range.7d') },
  ]
  return (
    <Segmented
      label={t('range')}
      small
      value={value ?? (live ? 'live' : '1h')}
      choices={choices}
      onChange={(next) => onChange(next === 'live' ? undefined : next)}
    />
  )
}

interface Limits {
  cpu_percent: number
  memory_bytes: number
  disk_bytes: number
}

export interface ServerPanels {
  panels: Panel[]
  from: number
  to: number
  ends: [string, string]
  marks: Mark[]
}

/** The four charts of a server, from the live line or from what is stored. */
export function useServerPanels(
  server: string,
  live: ServerLive,
  limits: Limits,
  range: Span | undefined,
): ServerPanels {
  const now = useNow()
  const runs = useQuery(runsQuery(server))
  const tongue = useLanguage()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the words of the marks are of a language
  const marks = useMemo(() => marksOf(runs.data ?? []), [runs.data, tongue])
  const stored = useQuery({ ...metricsQuery('servers', server, range ?? '1h'), enabled: range !== undefined })
  const build = (
    at: number[],
    pick: (key: 'cpu' | 'memory' | 'tx' | 'rx' | 'disk') => Array<number | null>,
  ): Panel[] => [
    {
      title: t('cpu'),
      at,
      kind: 'percent',
      limit: limits.cpu_percent,
      series: [{ name: t('cpu'), values: pick('cpu') }],
    },
    {
      title: t('memory'),
      at,
      kind: 'bytes',
      limit: limits.memory_bytes,
      series: [{ name: t('memory'), values: pick('memory') }],
    },
    {
      title: t('network'),
      short: t('network_out'),
      at,
      kind: 'rate',
      limit: 0,
      series: [
        { name: t('out'), values: pick('tx') },
        { name: t('in'), values: pick('rx') },
      ],
    },
    {
      title: t('disk'),
      at,
      kind: 'bytes',
      limit: limits.disk_bytes,
      series: [{ name: t('disk'), values: pick('disk') }],
    },
  ]
  if (range === undefined) {
    const from = now - LIVE_SPAN_MS
    const points = live.points.filter((p) => p.at >= from)
    return {
      panels: build(
        points.map((p) => p.at / 1000),
        (key) => points.map((p) => p[key]),
      ),
      from: from / 1000,
      to: now / 1000,
      ends: [t('ago.5min'), t('now')],
      marks,
    }
  }
  const names = {
    cpu: 'cpu_percent',
    memory: 'memory_bytes',
    tx: 'tx_bytes_per_s',
    rx: 'rx_bytes_per_s',
    disk: 'disk_bytes',
  } as const
  const at = stored.data?.at ?? []
  return {
    panels: build(at, (key) => {
      const values = stored.data?.series[names[key]] ?? []
      return at.map((_, n) => values[n] ?? null)
    }),
    from: now / 1000 - SPAN_S[range],
    to: now / 1000,
    ends: [RANGE_WORDS[range], t('now')],
    marks,
  }
}

/** Below 1100 px: four tiles in a strip; a tap opens one at full width. */
export function ChartStrip({ panels, from, to, ends, marks }: ServerPanels) {
  const [open, setOpen] = useState<string>()
  const panel = panels.find((p) => p.title === open)
  return (
    <div className="shrink-0">
      <div className="grid grid-cols-4 divide-x divide-line border-line bg-surface max-sm:border-b sm:rounded-box sm:border">
        {panels.map((each) => {
          const last = each.series[0]?.values.findLast((v) => v != null) ?? undefined
          return (
            <button
              key={each.title}
              type="button"
              aria-expanded={open === each.title}
              onClick={() => setOpen(open === each.title ? undefined : each.title)}
              className="min-w-0 px-3 py-2 text-left hover:bg-surface-2"
            >
              <span className="block truncate text-12 text-t3">{each.short ?? each.title}</span>
              <span className={cx('num block truncate font-medium', LEVEL_TEXT[levelOf(last, each.limit)])}>
                {last === undefined ? (
                  <span className="text-t3">{t('no_data')}</span>
                ) : (
                  figure(each.kind, last)
                )}
              </span>
              <span className="mt-0.5 block h-5 overflow-hidden">
                <Spark
                  values={(each.series[0]?.values ?? [0, 0]).slice(-60)}
                  limit={each.limit}
                  width={72}
                  height={20}
                />
              </span>
            </button>
          )
        })}
      </div>
      {panel && (
        <div className="pt-2 max-sm:p-2">
          <ChartCard
            panel={panel}
            from={from}
            to={to}
            ends={ends}
            marks={marks}
            sync="strip"
            className="h-52"
          />
        </div>
      )}
    </div>
  )
}

export function ChartColumn({ data, head }: { data: ServerPanels; head: ReactNode }) {
  return (
    <aside aria-label={t('title')} className="flex w-(--w-charts) shrink-0 flex-col gap-2 overflow-y-auto">
      <div className="flex h-7 shrink-0 items-center justify-between">{head}</div>
      {data.panels.map((panel) => (
        <ChartCard
          key={panel.title}
          panel={panel}
          from={data.from}
          to={data.to}
          ends={data.ends}
          marks={data.marks}
          sync="server"
          className="min-h-36 flex-1"
        />
      ))}
    </aside>
  )
}
