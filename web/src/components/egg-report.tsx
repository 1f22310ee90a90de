import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { texts } from '~/i18n/texts'
import { Badge, Mark } from '~/ui/badge'
import { Chip, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CopyIcon, RequestId } from '~/ui/copy'
import { Spinner } from '~/ui/spinner'
import { visible, visibleLines } from '~/util/visible'
import { type Dropped, inOrder, type Outcome, outcomeOf, reportText } from './egg-import'

const t = texts('eggs')
const common = texts('common')

const FILTERS: Array<{ key: 'fine' | 'odd' | 'refused'; mark: ReactNode }> = [
  { key: 'fine', mark: <Mark shape="ok" family="run" /> },
  { key: 'odd', mark: <Mark shape="look" family="warn" /> },
  { key: 'refused', mark: <Mark shape="crashed" family="fail" /> },
]

/** What came of each file: taken, taken with something odd, or refused and why. */
export function EggReport({
  rows,
  onMore,
  onClose,
}: {
  rows: Dropped[]
  onMore: () => void
  onClose: () => void
}) {
  const [only, setOnly] = useState<Outcome>()
  const count = (outcome: Outcome) => rows.filter((row) => outcomeOf(row) === outcome).length
  const shown = inOrder(rows).filter((row) => only === undefined || outcomeOf(row) === only)
  const summary = [
    count('fine') > 0 && t('report.taken', { n: count('fine') }),
    count('odd') > 0 && t('report.odd', { n: count('odd') }),
    count('refused') > 0 && t('report.refused', { n: count('refused') }),
    count('waiting') > 0 && t('report.waiting', { n: count('waiting') }),
  ]
  return (
    <section aria-labelledby="import-report" className="mb-8">
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <h2 id="import-report" className="title mr-1 text-16">
          {t('report.title')}
        </h2>
        <span aria-live="polite" className="num text-t3">
          {t('report.summary', { n: rows.length, outcomes: summary.filter(Boolean).join(', ') })}
        </span>
        <span className="flex-1 max-sm:basis-full" />
        <Button size="sm" onClick={onMore}>
          {t('report.more')}
        </Button>
        <Button size="sm" look="quiet" onClick={onClose}>
          {common('close')}
        </Button>
      </div>
      {rows.length > 1 && (
        <div className="mb-3 flex flex-wrap gap-2">
          {FILTERS.filter(({ key }) => count(key) > 0).map(({ key, mark }) => (
            <Chip
              key={key}
              on={only === key}
              mark={mark}
              count={count(key)}
              onClick={() => setOnly(only === key ? undefined : key)}
            >
              {t(`report.filter.${key}`)}
            </Chip>
          ))}
        </div>
      )}
      <ul
        aria-label={t('report.files')}
        className="overflow-hidden rounded-box border border-line bg-surface text-t2"
      >
        <li
          aria-hidden="true"
          className={`${GRID} h-8 items-center border-b border-line text-12 text-t3 max-lg:hidden`}
        >
          <span>{t('report.file')}</span>
          <span>{t('report.egg')}</span>
          <span>{t('report.format')}</span>
          <span className="text-right">{t('variables')}</span>
          <span className="text-right">{t('images')}</span>
          <span>{t('report.result')}</span>
        </li>
        {shown.map((row) => (
          <ReportRow key={row.file} row={row} />
        ))}
      </ul>
    </section>
  )
}

const GRID =
  'grid grid-cols-[minmax(0,1fr)_minmax(0,200px)_84px_72px_60px_196px] gap-x-3 px-4 max-lg:grid-cols-[minmax(0,1fr)_auto]'

function ReportRow({ row }: { row: Dropped }) {
  const egg = row.imported?.egg
  return (
    <li className={`${GRID} min-h-9 items-center border-t border-line py-1.5 first:border-0 nth-2:border-0`}>
      <span className="mono truncate text-12 text-t1">{visible(row.file)}</span>
      <span className="min-w-0 max-lg:order-3">
        {egg ? (
          <Link
            to="/eggs/$egg"
            params={{ egg: egg.id }}
            className="-my-1 block truncate py-1 text-t1 hover:text-accent max-sm:-my-3 max-sm:py-3"
          >
            {egg.name}
          </Link>
        ) : (
          row.problem && <span className="text-t3">{t('report.unreadable')}</span>
        )}
      </span>
      <span className="max-lg:order-4 max-lg:justify-self-end">
        {row.imported && <Tag>{row.imported.report.format}</Tag>}
      </span>
      <span className="num text-right max-lg:hidden">{egg?.variables.length}</span>
      <span className="num text-right max-lg:hidden">{egg?.images.length}</span>
      <span className="flex items-center gap-2 max-lg:order-2 max-lg:justify-self-end">
        <Result row={row} />
      </span>
      <Findings row={row} />
    </li>
  )
}

function Result({ row }: { row: Dropped }) {
  const outcome = outcomeOf(row)
  const note = t(row.known ? 'report.updated' : 'report.new')
  if (outcome === 'waiting') return <Spinner className="text-move-dot" />
  if (outcome === 'refused')
    return (
      <Badge family="fail" shape="crashed" plain>
        {t('report.is_refused')}
      </Badge>
    )
  return (
    <>
      {outcome === 'odd' ? (
        <Badge family="warn" shape="look" plain>
          {t('report.works')}
        </Badge>
      ) : (
        <span className="inline-flex items-center gap-1.5 text-run-fg">
          <Mark shape="ok" size={14} />
          {t('report.filter.fine')}
        </span>
      )}
      <span className="text-t3">{note}</span>
    </>
  )
}

/** What stands below a file: kind, place and words of each finding, and all of it to copy. */
function Findings({ row }: { row: Dropped }) {
  const found = row.problem
    ? [
        { kind: row.problem.title, field: '', message: row.problem.message },
        ...Object.entries(row.problem.fields).map(([field, message]) => ({ kind: '', field, message })),
      ]
    : (row.imported?.report.odd ?? []).map(({ code, field, message }) => ({
        kind: code.replaceAll('_', ' '),
        field,
        message,
      }))
  if (found.length === 0) return null
  return (
    <div className="col-span-full mt-0.5 mb-0.5 flex max-w-200 items-start gap-1 text-12 leading-[18px] max-lg:order-5">
      <div className="min-w-0">
        <dl>
          {found.map(({ kind, field, message }, at) => (
            <div key={at} className="grid grid-cols-[116px_minmax(0,1fr)] gap-x-3 max-sm:grid-cols-1">
              <dt className={`first-letter:uppercase ${row.problem ? 'text-fail-fg' : 'text-warn-fg'}`}>
                {kind}
              </dt>
              <dd className="[overflow-wrap:anywhere]">
                {field && <span className="mono">{visible(field)}: </span>}
                {visibleLines(message)}
              </dd>
            </div>
          ))}
        </dl>
        {row.problem?.requestId && <RequestId id={row.problem.requestId} className="sm:ml-32" />}
      </div>
      <CopyIcon text={reportText(row)} label={t('report.copy')} className="-mt-[3px]" />
    </div>
  )
}
