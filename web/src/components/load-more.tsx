import { useEffect, useRef } from 'react'
import { Button } from '~/ui/button'
import { count } from '~/util/format'

/** Ends a list that goes on: reads on when it comes into view, or by its button. */
export function LoadMore({
  shown,
  total,
  busy,
  order = 'the newest first',
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
        {count(shown)} shown{total !== undefined && total > shown ? ` of ${count(total)}` : ''}, {order}
      </span>
      <Button size="sm" busy={busy} onClick={onMore}>
        Show more
      </Button>
    </div>
  )
}
