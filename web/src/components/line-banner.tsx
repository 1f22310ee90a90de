import { useNow } from '~/hooks/use-now'
import { useLine } from '~/live/hooks'
import { live } from '~/live/live'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Since } from '~/ui/time'

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
        title="No live line to the panel"
        actions={
          <Button size="sm" onClick={() => live.retryNow()}>
            Try now
          </Button>
        }
      >
        since <Since at={line.since} />; next try in {wait} s. Games go on; what they say meanwhile is fetched
        afterwards.
      </Banner>
    </div>
  )
}
