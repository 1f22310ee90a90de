import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { AuditRow, Permission } from '~/api/types'
import { useThings } from '~/hooks/use-things'
import { texts } from '~/i18n/texts'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { AuditRows } from './audit-rows'
import { LoadMore } from './load-more'
import { ProblemView } from './problem-view'

const t = texts('audit')

/** Pages of the log as they come in. */
export function AuditList({
  list,
  permissions,
  filtered,
  why,
  of,
  onClear,
}: {
  list: UseInfiniteQueryResult<InfiniteData<{ items: AuditRow[] }>>
  permissions: Permission[]
  filtered: boolean
  /** Why nothing can fit, where that is known. */
  why?: string | undefined
  /** The server whose log it is. */
  of?: string
  onClear: () => void
}) {
  const pages = list.data?.pages
  const rows = useMemo(() => pages?.flatMap(({ items }) => items) ?? [], [pages])
  const things = useThings(rows)
  if (list.isPending)
    return (
      <Card>
        <SkeletonRows rows={8} />
      </Card>
    )
  const failed = list.isError && (
    <ProblemView
      error={list.error}
      onRetry={() => void (list.isFetchNextPageError ? list.fetchNextPage() : list.refetch())}
    />
  )
  if (rows.length === 0)
    return (
      failed || (
        <Card>
          <Empty
            title={t(filtered ? 'list.none_fits' : 'list.none')}
            action={filtered && <Button onClick={onClear}>{t('filter.clear')}</Button>}
          >
            {filtered ? (why ?? t('list.none_fits_why')) : t('list.none_why')}
          </Empty>
        </Card>
      )
    )
  return (
    // What is shown while others are asked for is pale: it does not fit the filters yet.
    <div className={cx('tx', list.isPlaceholderData && 'opacity-60')} aria-busy={list.isPlaceholderData}>
      <AuditRows {...{ rows, things, permissions }} {...(of ? { of } : {})} />
      {/* Not read on by itself after a failure: that would ask without end. */}
      {failed && <div className="mt-3">{failed}</div>}
      {!failed && list.hasNextPage && (
        <LoadMore
          shown={rows.length}
          total={undefined}
          busy={list.isFetchingNextPage}
          onMore={() => void list.fetchNextPage()}
        />
      )}
    </div>
  )
}
