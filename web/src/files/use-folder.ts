import { useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo } from 'react'
import { filesQuery } from '~/api/queries'
import { filtered, type Order, sorted } from './order'

/** So many entries are read without being asked for: above that, as one scrolls. */
const MOST = 10_000

/** A folder as it is shown: read to its end, because what is not here can't be sorted. */
export function useFolder(server: string, path: string, order: Order, needle: string) {
  const query = useInfiniteQuery(filesQuery(server, path))
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const all = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  const inOrder = useMemo(() => sorted(all, order), [all, order])
  const entries = useMemo(() => filtered(inOrder, needle), [inOrder, needle])
  const more = hasNextPage && !isFetchingNextPage && !query.isError
  const onEnd = useCallback(() => {
    if (more) void fetchNextPage()
  }, [more, fetchNextPage])
  useEffect(() => {
    if (all.length < MOST) onEnd()
  }, [all.length, onEnd])
  return { query, all, entries, onEnd, whole: !hasNextPage }
}
