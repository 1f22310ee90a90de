import { infiniteQueryOptions } from '@tanstack/react-query'
import { midnight } from '~/util/days'
import { api, BASE, must } from './client'
import { keys, paged } from './queries'

/** What the whole log is narrowed by. */
export interface AuditNarrow {
  /** By this person, by log-in or any key. */
  user?: string
  server?: string
  /** One action, or all that begin so: `control.`. */
  action?: string
  /** Not before. */
  from?: string
  /** Before. */
  to?: string
}

/** What the log's page is narrowed by, as it stands in its address. */
export interface AuditSearch {
  user?: string
  server?: string
  action?: string
  /** First and last day, in the reader's zone: "2026-11-30". */
  from?: string
  to?: string
}

/** Of an address what is ours; whole days as times, from the first one's midnight to that after the last. */
export function narrowOf({ user, server, action, from, to }: AuditSearch): AuditNarrow {
  const begins = from && midnight(from)
  const ends = to && midnight(to, 1)
  return {
    ...(user ? { user } : {}),
    ...(server ? { server } : {}),
    ...(action ? { action } : {}),
    ...(begins ? { from: begins.toISOString() } : {}),
    ...(ends ? { to: ends.toISOString() } : {}),
  }
}

/** All that was done, the newest first, a page at a time. */
export function auditQuery(narrow: AuditNarrow) {
  return infiniteQueryOptions({
    queryKey: [...keys.audit, narrow],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(api.GET('/audit', { params: { query: { ...narrow, ...paged(pageParam) } } })),
    getNextPageParam: (last) => last.next ?? undefined,
  })
}

/** `csv` for a spreadsheet, `jsonl` for a program: a row of the log on each line. */
export type ExportFormat = 'csv' | 'jsonl'

/** Where the browser itself fetches the log as a file: it is streamed, and may be longer than memory. */
export function exportHref(format: ExportFormat, narrow: AuditNarrow): string {
  return `${BASE}/audit/export?${new URLSearchParams({ format, ...narrow })}`
}

/** What was done to one server, the newest first, a page at a time. */
export function activityQuery(server: string, action: string | undefined) {
  return infiniteQueryOptions({
    queryKey: [...keys.activity(server), action ?? ''],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(
        api.GET('/servers/{server}/activity', {
          params: { path: { server }, query: { ...(action ? { action } : {}), ...paged(pageParam) } },
        }),
      ),
    getNextPageParam: (last) => last.next ?? undefined,
  })
}
