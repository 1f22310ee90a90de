import { useNow } from '~/hooks/use-now'
import { texts } from '~/i18n/texts'
import { useLine } from '~/live/hooks'
import { live } from '~/live/live'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Since } from '~/ui/time'

const t = texts('shell')

/** Shown once the line has been down for 3 s: a short break is nobody's business. */
export function LineBanner() {
  const line = useLine()
  const now = useNow()
  if (line.kind !== 'away' || now - line.since < 3000) return null
  const wait = Math.max(0, Math.ceil((line.retryAt - now) / 1000))
  return (
    <div className="px-6 pt-3 max-sm:px-3">
      <Banner
        family="warn"
        shape="unreachable"
        title={t('line.title')}
        actions={
          <Button size="sm" onClick={() => live.retryNow()}>
            {t('line.retry')}
          </Button>
        }
      >
        {t.rich('line.note', { since: <Since at={line.since} />, wait })}
      </Banner>
    </div>
  )
}
