import { useQuery } from '@tanstack/react-query'
import { accountQuotaQuery } from '~/api/people'
import type { Quota } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Bar } from '~/ui/spark'
import { hasQuota, type QuotaName, type QuotaRow, quotaRows } from '~/util/quota'

const t = texts('quota')

function look(share: number): 'use' | 'warn' {
  return share >= 0.9 ? 'warn' : 'use'
}

function Row({ row }: { row: QuotaRow }) {
  const { label, share, text } = row
  return (
    <div className="grid h-7 grid-cols-[64px_1fr_auto] items-center gap-2 max-sm:h-9">
      <span className="text-t2">{label}</span>
      {share === undefined ? (
        <span />
      ) : (
        <Bar share={Math.min(share, 1)} look={look(share)} height={6} label={t('row', { label, text })} />
      )}
      <span className="num min-w-29 text-right text-12 text-t2">{text}</span>
    </div>
  )
}

/** What is given out of what there is, a line for each kind. */
export function QuotaUse({
  quota,
  all = false,
  only,
}: {
  quota: Quota
  all?: boolean
  /** These kinds, in place of each. */
  only?: QuotaName[]
}) {
  const rows = quotaRows(quota).filter(
    ({ name, share }) => (all || share !== undefined) && (only?.includes(name) ?? true),
  )
  const over = rows.some((row) => (row.share ?? 0) > 1)
  return (
    <>
      {rows.map((row) => (
        <Row key={row.name} row={row} />
      ))}
      {over && <p className="mt-1 text-12 text-t3">{t('over')}</p>}
    </>
  )
}

/** One's own, by which plan; nothing where there is none. */
export function OwnQuota() {
  const quota = useQuery(accountQuotaQuery).data
  if (!quota || !(hasQuota(quota) || quota.plan)) return null
  return (
    <Card>
      <CardHead
        title={t('own.title')}
        note={
          quota.plan && (
            <span className="[overflow-wrap:anywhere]">{t('own.plan', { plan: quota.plan.name })}</span>
          )
        }
      />
      <div className="px-4 py-3">
        <QuotaUse quota={quota} />
        <p className="mt-1 text-12 text-t3">{t(hasQuota(quota) ? 'own.note' : 'own.no_limit')}</p>
      </div>
    </Card>
  )
}
