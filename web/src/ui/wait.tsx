import { type ReactNode, useEffect, useState } from 'react'
import { texts } from '~/i18n/texts'
import { cx } from '~/util/cx'

const t = texts('common')

/** True once 200 ms have passed: before that, drawing a skeleton would only flicker. */
export function useSlow(delayMs = 200): boolean {
  const [slow, setSlow] = useState(false)
  useEffect(() => {
    const timer = window.setTimeout(() => setSlow(true), delayMs)
    return () => window.clearTimeout(timer)
  }, [delayMs])
  return slow
}

export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden="true" className={cx('block rounded-xs bg-surface-3', className)} />
}

/** Rows in their final size. */
export function SkeletonRows({ rows = 6, height = 'h-[46px]' }: { rows?: number; height?: string }) {
  const slow = useSlow()
  return (
    <div role="status" aria-label={t('loading')}>
      {Array.from({ length: rows }, (_, at) => (
        <div
          key={at}
          className={cx('flex items-center gap-4 border-b border-line px-4 last:border-0', height)}
        >
          {slow && (
            <>
              <Skeleton className="h-3 w-36" />
              <Skeleton className="h-3 w-20" />
              <span className="flex-1" />
              <Skeleton className="h-3 w-16" />
            </>
          )}
        </div>
      ))}
    </div>
  )
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string
  children?: ReactNode
  action?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center gap-1 px-6 py-12 text-center">
      <div className="title text-16">{title}</div>
      {children && <div className="max-w-110 text-t2">{children}</div>}
      {action && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  )
}
