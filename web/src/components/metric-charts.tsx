import { useQuery } from '@tanstack/react-query'
import { Table2 } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { metricsQuery, type Span } from '~/api/queries'
import { useNow } from '~/hooks/use-now'
import { LIVE_SPAN_MS, type ServerLive } from '~/live/live'
import { Dialog } from '~/ui/dialog'
import { Segmented } from '~/ui/segmented'
import { LEVEL_TEXT, levelOf, Spark } from '~/ui/spark'
import { cx } from '~/util/cx'
import { bytesText, clock, exact, percentText, rateText, trimmed } from '~/util/format'

const Chart = lazy(() => import('~/ui/chart'))

export interface Panel {
  title: string
  at: number[]
  series: Array<{ name: string; values: Array<number | null> }>
  limit: number
  kind: 'percent' | 'bytes' | 'rate' | 'count'
}

export function figure(kind: Panel['kind'], value: number, limit = false): string {
  switch (kind) {
    case 'percent':
      return percentText(value, limit)
    case 'bytes':
      return bytesText(value, limit)
    case 'rate':
      return rateText(value)
    case 'count':
      return trimmed(value)
  }
}

/** Words at a grid line: the limit with its unit, a middle line without. */
function axisLabel(kind: Panel['kind'], value: number, limit: boolean): string {
  if (kind === 'percent') return limit ? percentText(value, true) : trimmed(value)
  if (kind === 'count') return trimmed(value)
  return bytesText(value, true)
}

export const RANGE_WORDS: Record<Span, string> = { '1h': '1 h ago', '24h': '24 h ago', '7d': '7 days ago' }
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
    ...(live ? [{ value: 'live' as const, label: 'Live' }] : []),
    { value: '1h' as const, label: '1 h' },
    { value: '24h' as const, label: '24 h' },
    { value: '7d' as const, label: '7 d' },
  ]
  return (
    <Segmented
      label="Time range"
      small
      value={value ?? (live ? 'live' : '1h')}
      choices={choices}
      onChange={(next) => onChange(next === 'live' ? undefined : next)}
    />
  )
}

/** A chart's card: name, the figure now (or under the crosshair), the limit, and the same as a table. */
export function ChartCard({
  panel,
  from,
  to,
  ends,
  sync,
  className,
}: {
  panel: Panel
  from: number
  to: number
  ends: [string, string]
  sync: string
  className?: string
}) {
  const [cursor, setCursor] = useState<number>()
  const [table, setTable] = useState(false)
  const [first, second] = panel.series
  const read = (values: Array<number | null> | undefined) => {
    if (!values) return undefined
    const at =
      cursor !== undefined && cursor < values.length ? values[cursor] : values.findLast((v) => v != null)
    return at ?? undefined
  }
  const value = read(first?.values)
  const at = cursor !== undefined ? panel.at[cursor] : undefined
  return (
    <section
      aria-label={panel.title}
      className={cx(
        'hoverable flex min-h-0 flex-col rounded-box border border-line bg-surface px-3.5 pt-2.5 pb-1',
        className,
      )}
    >
      <div className="flex items-baseline gap-1.5">
        <h2 className="font-medium">{panel.title}</h2>
        <button
          type="button"
          aria-label={`${panel.title} as a table`}
          title="As a table"
          onClick={() => setTable(true)}
          className="on-hover tx inline-flex size-6 items-center justify-center self-center rounded-xs text-t3 hover:text-t1 focus-visible:opacity-100"
        >
          <Table2 aria-hidden="true" size={14} strokeWidth={1.75} />
        </button>
        {at !== undefined && <span className="num text-12 text-t3">{clock(at * 1000)}</span>}
        <span className="flex-1" />
        {second ? (
          <>
            <Key colour="bg-chart-1" name={first?.name ?? ''} value={value} kind={panel.kind} />
            <Key colour="bg-chart-2" name={second.name} value={read(second.values)} kind={panel.kind} />
          </>
        ) : (
          <>
            <span
              className={cx(
                'num text-20 leading-6 font-medium tracking-[-0.014em]',
                LEVEL_TEXT[levelOf(value, panel.limit)],
              )}
            >
              {value === undefined ? (
                <span className="text-13 font-normal text-t3">no data</span>
              ) : (
                figure(panel.kind, value)
              )}
            </span>
            {panel.limit > 0 && (
              <span className="num text-12 text-t3">of {figure(panel.kind, panel.limit, true)}</span>
            )}
          </>
        )}
      </div>
      <div className="relative min-h-20 flex-1">
        <Suspense>
          <Chart
            at={panel.at}
            series={panel.series.map((s) => s.values)}
            from={from}
            to={to}
            limit={panel.limit}
            label={(v, isLimit) => axisLabel(panel.kind, v, isLimit)}
            ends={ends}
            sync={sync}
            onCursor={setCursor}
          />
        </Suspense>
      </div>
      <Dialog
        open={table}
        onClose={() => setTable(false)}
        title={panel.title}
        note={`${panel.at.length} samples, newest first`}
      >
        {table && <ChartTable panel={panel} />}
      </Dialog>
    </section>
  )
}

function Key({
  colour,
  name,
  value,
  kind,
}: {
  colour: string
  name: string
  value: number | undefined
  kind: Panel['kind']
}) {
  return (
    <span className="inline-flex items-baseline gap-1 whitespace-nowrap">
      <span className={cx('inline-block h-0.5 w-2 self-center rounded-pill', colour)} />
      <span className="text-12 text-t2">{name}</span>
      <span className="num text-14 leading-6 font-medium tracking-[-0.014em]">
        {value === undefined ? <span className="text-12 text-t3">no data</span> : figure(kind, value)}
      </span>
    </span>
  )
}

function ChartTable({ panel }: { panel: Panel }) {
  const rows = panel.at
    .map((at, n) => ({ at, values: panel.series.map((s) => s.values[n]) }))
    .reverse()
    .slice(0, 500)
  return (
    <div
      tabIndex={0}
      role="group"
      aria-label="Samples"
      className="max-h-[50vh] overflow-y-auto rounded-box border border-line"
    >
      <table className="tbl one">
        <thead>
          <tr>
            <th>Time</th>
            {panel.series.map((s) => (
              <th key={s.name} className="r">
                {s.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, values }) => (
            <tr key={at}>
              <td className="num text-t2">{exact(at * 1000)}</td>
              {values.map((value, n) => (
                <td key={panel.series[n]?.name} className="r">
                  {value == null ? 'no data' : figure(panel.kind, value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
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
}

/** The four charts of a server, from the live line or from what is stored. */
export function useServerPanels(
  server: string,
  live: ServerLive,
  limits: Limits,
  range: Span | undefined,
): ServerPanels {
  const now = useNow()
  const stored = useQuery({ ...metricsQuery('servers', server, range ?? '1h'), enabled: range !== undefined })
  const build = (
    at: number[],
    pick: (key: 'cpu' | 'memory' | 'tx' | 'rx' | 'disk') => Array<number | null>,
  ): Panel[] => [
    {
      title: 'CPU',
      at,
      kind: 'percent',
      limit: limits.cpu_percent,
      series: [{ name: 'CPU', values: pick('cpu') }],
    },
    {
      title: 'Memory',
      at,
      kind: 'bytes',
      limit: limits.memory_bytes,
      series: [{ name: 'Memory', values: pick('memory') }],
    },
    {
      title: 'Network',
      at,
      kind: 'rate',
      limit: 0,
      series: [
        { name: 'Out', values: pick('tx') },
        { name: 'In', values: pick('rx') },
      ],
    },
    {
      title: 'Disk',
      at,
      kind: 'bytes',
      limit: limits.disk_bytes,
      series: [{ name: 'Disk', values: pick('disk') }],
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
      ends: ['5 min ago', 'now'],
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
    ends: [RANGE_WORDS[range], 'now'],
  }
}

/** Below 1100 px: four tiles in a strip; a tap opens one at full width. */
export function ChartStrip({ panels, from, to, ends }: ServerPanels) {
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
              <span className="block truncate text-12 text-t3">
                {each.title === 'Network' ? 'Net out' : each.title}
              </span>
              <span className={cx('num block truncate font-medium', LEVEL_TEXT[levelOf(last, each.limit)])}>
                {last === undefined ? <span className="text-t3">no data</span> : figure(each.kind, last)}
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
          <ChartCard panel={panel} from={from} to={to} ends={ends} sync="strip" className="h-52" />
        </div>
      )}
    </div>
  )
}

export function ChartColumn({ data, head }: { data: ServerPanels; head: ReactNode }) {
  return (
    <aside aria-label="Charts" className="flex w-(--w-charts) shrink-0 flex-col gap-2 overflow-y-auto">
      <div className="flex h-7 shrink-0 items-center justify-between">{head}</div>
      {data.panels.map((panel) => (
        <ChartCard
          key={panel.title}
          panel={panel}
          from={data.from}
          to={data.to}
          ends={data.ends}
          sync="server"
          className="min-h-36 flex-1"
        />
      ))}
    </aside>
  )
}
