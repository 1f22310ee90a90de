import type { Operation } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Bar } from '~/ui/spark'
import { elapsed, ofText, rateText } from '~/util/format'
import { visible } from '~/util/visible'

const t = texts('operations')

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

type Work = Pick<Operation, 'done_bytes' | 'total_bytes' | 'bytes_per_second' | 'step' | 'state' | 'percent'>

/** How far work is: bytes, their rate and the time that is left, or what there is of these. */
export function WorkProgress({ operation }: { operation: Work }) {
  const { done_bytes: done, total_bytes: total, bytes_per_second: rate, percent, step, state } = operation
  const counted = typeof done === 'number' && typeof total === 'number' && total > 0
  const left = timeLeft(operation)
  const far = [
    step ? visible(step) : t(state === 'pending' ? 'waiting' : 'at_work'),
    counted && ofText(done, total),
  ].filter(Boolean)
  const pace = [
    counted && typeof rate === 'number' && rate > 0 && rateText(rate),
    left !== undefined && t('left', { time: elapsed(left) }),
    !counted && percent != null && `${Math.round(percent)} %`,
  ].filter(Boolean)
  return (
    <div className="min-w-0">
      <Bar
        share={counted ? done / total : (percent ?? 0) / 100}
        look="move"
        label={[...far, ...pace].join(' · ')}
      />
      <div className="num mt-1 flex flex-wrap justify-between gap-x-3 text-12 text-t3" aria-hidden="true">
        <span className="[overflow-wrap:anywhere]">{far.join(' · ')}</span>
        {pace.length > 0 && <span>{pace.join(' · ')}</span>}
      </div>
    </div>
  )
}
