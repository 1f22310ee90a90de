import { useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo } from 'react'
import { filesQuery } from '~/api/files'
import { filtered, type Order } from './order'

/** A folder as it is shown: the panel sorts it, and its pages come as one scrolls, or all of them for a filter. */
export function useFolder(server: string, path: string, order: Order, needle: string) {
  const query = useInfiniteQuery(filesQuery(server, path, order))
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const all = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  const entries = useMemo(() => filtered(all, needle), [all, needle])
  const more = hasNextPage && !isFetchingNextPage && !query.isError
  const onEnd = useCallback(() => {
    if (more) void fetchNextPage()
  }, [more, fetchNextPage])
  useEffect(() => {
    if (needle !== '') onEnd()
  }, [needle, onEnd])
  const [first] = data?.pages ?? []
  return {
    query,
    entries,
    onEnd,
    /** Of the whole folder, also of what is not here yet. */
    total: first ? Math.max(first.total, all.length) : 0,
    truncated: first?.truncated ?? false,
  }
}
