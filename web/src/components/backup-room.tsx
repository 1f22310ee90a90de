import { useQuery } from '@tanstack/react-query'
import { accountQuotaQuery } from '~/api/people'
import type { BackupList, Server } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Bar } from '~/ui/spark'
import { bytesText, count } from '~/util/format'
import { QuotaUse } from './quota'

const t = texts('backups')
const common = texts('common')

/** What there is room for: of this server, and of its owner where that is who looks. */
export function BackupRoom({ server, list }: { server: Server; list: BackupList }) {
  const { used, bytes } = list
  const limit = list.limit ?? null
  const mine = useMay().user?.id === server.owner.id
  const quota = useQuery({ ...accountQuotaQuery, enabled: mine }).data
  const text = limit === null ? count(used) : common('amount.of', { part: count(used), all: count(limit) })
  const bound =
    mine &&
    quota &&
    [quota.limits.backups, quota.limits.backup_bytes].some((most) => typeof most === 'number')
  return (
    <Card>
      <CardHead title={t('room')} />
      <div className="flex flex-col gap-2 px-4 py-3">
        <div className="flex items-baseline justify-between gap-3">
          <span className="text-t2">{t('room.count')}</span>
          <span className="num">{text}</span>
        </div>
        {limit !== null && limit > 0 && (
          <Bar
            share={used / limit}
            look={used >= limit ? 'warn' : 'use'}
            height={6}
            label={t('room.count_of', { text })}
          />
        )}
        {limit === null && <p className="text-12 text-t3">{t('room.no_limit')}</p>}
        <div className="flex items-baseline justify-between gap-3">
          <span className="text-t2">{t('room.bytes')}</span>
          <span className="num">{bytesText(bytes)}</span>
        </div>
        {bound && (
          <div className="mt-1 border-t border-line pt-2">
            <h3 className="mb-1 text-12 text-t3">{t('room.quota')}</h3>
            <QuotaUse quota={quota} only={['backups', 'backup_bytes']} />
          </div>
        )}
      </div>
    </Card>
  )
}
