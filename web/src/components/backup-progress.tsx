import type { Operation } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Bar } from '~/ui/spark'
import { elapsed, ofText, rateText } from '~/util/format'
import { visible } from '~/util/visible'

const t = texts('backups')

const DAY_MS = 86_400_000

/** Milliseconds until it is done, at the rate of late; none where that can't be told. */
export function timeLeft({
  done_bytes: done,
  total_bytes: total,
  bytes_per_second: rate,
}: Pick<Operation, 'done_bytes' | 'total_bytes' | 'bytes_per_second'>): number | undefined {
  if (typeof done !== 'number' || typeof total !== 'number' || typeof rate !== 'number') return undefined
  if (rate <= 0 || done >= total) return undefined
  const ms = ((total - done) / rate) * 1000
  return ms < DAY_MS ? ms : undefined
}

/** How far work on backups is: bytes, rate and the time that is left. */
export function BackupProgress({ operation }: { operation: Operation }) {
  const { done_bytes: done, total_bytes: total, bytes_per_second: rate, step } = operation
  const counted = typeof done === 'number' && typeof total === 'number' && total > 0
  const left = timeLeft(operation)
  const far = [step ? visible(step) : t('waiting'), counted && ofText(done, total)].filter(Boolean)
  const pace = [
    counted && typeof rate === 'number' && rate > 0 && rateText(rate),
    left !== undefined && t('left', { time: elapsed(left) }),
  ].filter(Boolean)
  return (
    <div className="min-w-0">
      <Bar share={counted ? done / total : 0} look="move" label={[...far, ...pace].join(' · ')} />
      <div className="num mt-1 flex flex-wrap justify-between gap-x-3 text-12 text-t3" aria-hidden="true">
        <span>{far.join(' · ')}</span>
        {pace.length > 0 && <span>{pace.join(' · ')}</span>}
      </div>
    </div>
  )
}
