import { useNow } from '~/hooks/use-now'
import { duration, elapsed, exact, relative } from '~/util/format'

function stamp(at: string | number): number {
  return typeof at === 'number' ? at : Date.parse(at)
}

/** "6 min ago", with the exact time on hover. */
export function Ago({ at }: { at: string | number }) {
  const now = useNow()
  const ms = stamp(at)
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact(ms)} className="num">
      {relative(ms, now)}
    </time>
  )
}

/** "12 min": how long something has lasted. */
export function Since({ at, precise = false }: { at: string | number; precise?: boolean }) {
  const now = useNow()
  const ms = stamp(at)
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact(ms)} className="num">
      {precise ? elapsed(now - ms) : duration(now - ms)}
    </time>
  )
}
