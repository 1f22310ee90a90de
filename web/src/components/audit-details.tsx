import { ArrowRight } from 'lucide-react'
import { texts } from '~/i18n/texts'
import { CopyButton } from '~/ui/copy-box'
import { cx } from '~/util/cx'
import { type DiffLine, diffLines, type Told } from '~/util/diff'
import { exact } from '~/util/format'
import { visible } from '~/util/visible'
import { namesOf, type RowProps } from './audit-cells'

const t = texts('audit')

/** What an entry says beside who, what and when: each thing before and after, and what is needed to find it again. */
export function AuditDetails({ row, things }: RowProps) {
  const { lines, left } = diffLines(row, namesOf(things))
  return (
    <div className="flex flex-col gap-3 whitespace-normal">
      {lines.length === 0 ? (
        <p className="text-t3">{t('details.none')}</p>
      ) : (
        <dl className="grid grid-cols-[minmax(96px,200px)_minmax(0,1fr)] gap-x-4 gap-y-1.5 max-sm:grid-cols-1 max-sm:gap-y-0.5">
          {lines.map((line, at) => (
            <div key={at} className="contents">
              <dt className="text-t3 [overflow-wrap:anywhere] max-sm:mt-1.5 max-sm:text-12">{line.label}</dt>
              <dd className="min-w-0">
                <Said {...line} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {left > 0 && <p className="text-12 text-t3">{t('details.left', { n: left })}</p>}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 border-t border-line pt-3 text-12 text-t3">
        <time dateTime={row.at} className="num">
          {exact(Date.parse(row.at))}
        </time>
        {row.address && <span className="mono text-t2 lg:hidden">{visible(row.address)}</span>}
        <span className="mono [overflow-wrap:anywhere]">{visible(row.id)}</span>
        <span className="ml-auto">
          <CopyButton label={t('details.copy')} text={JSON.stringify(row, null, 2)} />
        </span>
      </div>
    </div>
  )
}

function Said({ before, after }: DiffLine) {
  if (!before) return <Values of={after} />
  return (
    <span className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5">
      <Values of={before} hint={t('details.before')} quiet />
      <ArrowRight aria-hidden="true" size={12} className="shrink-0 translate-y-px self-center text-t3" />
      <Values of={after} hint={t('details.after')} />
    </span>
  )
}

/** Text of others, as text: escaped by React, its hidden characters spelled out, its direction its own affair. */
function Values({ of, hint, quiet = false }: { of: Told; hint?: string; quiet?: boolean }) {
  return (
    <span className={cx('min-w-0', quiet ? 'text-t2' : 'text-t1')}>
      {hint && <span className="sr-only">{hint} </span>}
      {typeof of === 'string' ? <Text>{of}</Text> : <List of={of} />}
    </span>
  )
}

function List({ of }: { of: string[] }) {
  if (of.length === 0) return <span className="text-t3">{t('details.no_values')}</span>
  return (
    <ul className="flex flex-wrap gap-1.5">
      {of.map((each, at) => (
        <li key={at} className="min-w-0 rounded-xs border border-line-2 px-1.5 text-12 leading-[18px]">
          <Text>{each}</Text>
        </li>
      ))}
    </ul>
  )
}

function Text({ children }: { children: string }) {
  if (children === '') return <span className="text-t3">{t('details.empty')}</span>
  return <bdi className="[overflow-wrap:anywhere]">{children}</bdi>
}
