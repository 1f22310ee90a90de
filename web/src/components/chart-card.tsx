import { Table2 } from 'lucide-react'
import { Suspense, useState } from 'react'
import { part } from '~/i18n/page'
import { texts } from '~/i18n/texts'
import { Dialog } from '~/ui/dialog'
import { LEVEL_TEXT, levelOf } from '~/ui/spark'
import { cx } from '~/util/cx'
import { bytes, bytesText, clock, exact, percentText, rateText, trimmed } from '~/util/format'
import type { Mark } from '~/util/marks'

const t = texts('charts')

const Chart = part(() => import('~/ui/chart'))

export interface Panel {
  title: string
  /** Where there is room for a tile only. */
  short?: string
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

/** Words at a grid line: the scale's highest named line with its unit, one below it without if that is the same. */
export function axisLabel(kind: Panel['kind'], value: number, top: number): string {
  if (kind === 'count') return trimmed(value)
  if (kind === 'percent') return value === top ? percentText(value, true) : trimmed(value)
  if (value === top || bytes(value).unit !== bytes(top).unit) return bytesText(value, true)
  return bytes(value, true).value
}

/** The event that stands under the crosshair, or within a hundredth of the width beside it. */
function markAt(marks: Mark[], at: number | undefined, span: number): Mark | undefined {
  if (at === undefined) return undefined
  const near = marks.filter((mark) => Math.abs(mark.at - at) <= span / 100)
  return near.sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))[0]
}

/** A chart's card: name, the figure now (or under the crosshair), the limit, and the same as a table. */
export function ChartCard({
  panel,
  from,
  to,
  ends,
  sync,
  marks = [],
  className,
}: {
  panel: Panel
  from: number
  to: number
  ends: [string, string]
  sync: string
  /** Restarts, crashes and the like, drawn as verticals. */
  marks?: Mark[]
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
  const mark = markAt(marks, at, to - from)
  return (
    <section
      aria-label={panel.title}
      className={cx(
        'hoverable flex min-h-0 flex-col rounded-box border border-line bg-surface px-3.5 pt-2.5 pb-1',
        className,
      )}
    >
      <div className={cx('flex items-baseline gap-x-1.5', second && 'flex-wrap')}>
        <h2 className="font-medium">{panel.title}</h2>
        <button
          type="button"
          aria-label={t('as_table_of', { chart: panel.title })}
          title={t('as_table')}
          onClick={() => setTable(true)}
          className="on-hover tx inline-flex size-6 shrink-0 items-center justify-center self-center rounded-xs max-sm:-my-2.5 max-sm:size-11 text-t3 hover:text-t1 focus-visible:opacity-100"
        >
          <Table2 aria-hidden="true" size={14} strokeWidth={1.75} />
        </button>
        <span className="num min-w-0 flex-1 truncate text-12 text-t3">
          {mark ? mark.word : at !== undefined && clock(at * 1000)}
        </span>
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
                <span className="text-13 font-normal text-t3">{t('no_data')}</span>
              ) : (
                figure(panel.kind, value)
              )}
            </span>
            {panel.limit > 0 && (
              <span className="num text-12 text-t3">
                {t('of', { limit: figure(panel.kind, panel.limit, true) })}
              </span>
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
            binary={panel.kind === 'bytes' || panel.kind === 'rate'}
            marks={marks}
            label={(v, top) => axisLabel(panel.kind, v, top)}
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
        note={t('samples_note', { n: panel.at.length })}
      >
        {table && <ChartTable panel={panel} marks={marks} />}
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
        {value === undefined ? <span className="text-12 text-t3">{t('no_data')}</span> : figure(kind, value)}
      </span>
    </span>
  )
}

/** What a picture shows, for those who read: samples, and the events between them. */
export function chartRows(
  panel: Panel,
  marks: Mark[],
): Array<{ at: number; mark?: string; values: Array<number | null | undefined> }> {
  const first = panel.at[0] ?? Number.POSITIVE_INFINITY
  const samples = panel.at.map((at, n) => ({ at, values: panel.series.map((s) => s.values[n]) }))
  const events = marks.filter((m) => m.at >= first).map((m) => ({ at: m.at, mark: m.word, values: [] }))
  return [...samples, ...events].sort((a, b) => b.at - a.at).slice(0, 500)
}

function ChartTable({ panel, marks }: { panel: Panel; marks: Mark[] }) {
  const rows = chartRows(panel, marks)
  return (
    <div
      tabIndex={0}
      role="group"
      aria-label={t('samples')}
      className="max-h-[50vh] overflow-y-auto rounded-box border border-line"
    >
      <table className="tbl one">
        <thead>
          <tr>
            <th>{t('time')}</th>
            {panel.series.map((s) => (
              <th key={s.name} className="r">
                {s.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, mark, values }) => (
            <tr key={`${at}${mark ?? ''}`}>
              <td className="num text-t2">{exact(at * 1000)}</td>
              {mark && (
                <td className="r" colSpan={panel.series.length}>
                  {mark}
                </td>
              )}
              {values.map((value, n) => (
                <td key={panel.series[n]?.name} className="r">
                  {value == null ? t('no_data') : figure(panel.kind, value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
