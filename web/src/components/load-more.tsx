import { useEffect, useRef } from 'react'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { count } from '~/util/format'

const t = texts('lists')

/** Ends a list that goes on: reads on when it comes into view, or by its button. */
export function LoadMore({
  shown,
  total,
  busy,
  order = t('more.newest'),
  onMore,
}: {
  shown: number
  /** Of those that match, where that is known. */
  total: number | undefined
  busy: boolean
  order?: string
  onMore: () => void
}) {
  const foot = useRef<HTMLDivElement>(null)
  const more = useRef(onMore)
  more.current = onMore
  useEffect(() => {
    if (!foot.current || busy) return
    const seen = new IntersectionObserver(([entry]) => entry?.isIntersecting && more.current(), {
      rootMargin: '400px',
    })
    seen.observe(foot.current)
    return () => seen.disconnect()
  }, [busy])
  return (
    <div ref={foot} className="flex items-center justify-center gap-3 py-4">
      <span className="num text-12 text-t3" role="status">
        {total !== undefined && total > shown
          ? t('more.shown_of', { shown: count(shown), total: count(total), order })
          : t('more.shown', { shown: count(shown), order })}
      </span>
      <Button size="sm" busy={busy} onClick={onMore}>
        {t('more.show')}
      </Button>
    </div>
  )
}
