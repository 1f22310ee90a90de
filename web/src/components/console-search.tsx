import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { api, must } from '~/api/client'
import type { ConsoleHit } from '~/api/types'
import { texts } from '~/i18n/texts'
import { plain } from '~/live/ansi'
import { decodeBase64 } from '~/live/live'
import { Dialog } from '~/ui/dialog'
import { Spinner } from '~/ui/spinner'
import { clock, exact } from '~/util/format'
import { ProblemView } from './problem-view'

const t = texts('console')

const MOST = 100

/** Finds in everything that control has kept, across runs; a hit opens with the lines around it. */
export function ConsoleSearch({ server, text }: { server: string; text: string }) {
  const wanted = useDeferredValue(text)
  const [open, setOpen] = useState<ConsoleHit>()
  const found = useQuery({
    queryKey: ['server', server, 'search', wanted],
    queryFn: () =>
      must(
        api.GET('/servers/{server}/console/search', {
          params: { path: { server }, query: { q: wanted, limit: MOST } },
        }),
      ),
    staleTime: 10_000,
  })
  return (
    <div className="max-h-64 overflow-y-auto border-t border-line">
      {found.isPending && (
        <p className="flex items-center gap-2 px-4 py-3 text-12 text-t3">
          <Spinner /> {t('search.busy')}
        </p>
      )}
      {found.isError && (
        <div className="p-3">
          <ProblemView error={found.error} onRetry={() => void found.refetch()} />
        </div>
      )}
      {found.data && (
        <ul aria-label={t('search.matches')}>
          {found.data.items.length === 0 && <li className="px-4 py-3 text-12 text-t3">{t('search.none')}</li>}
          {found.data.items.map((hit) => (
            <li key={`${hit.run}/${hit.stream}/${hit.offset}`}>
              <button
                type="button"
                onClick={() => setOpen(hit)}
                className="flex min-h-7 w-full items-center gap-4 px-4 text-left hover:bg-surface-2 max-sm:min-h-11 max-sm:gap-2"
              >
                <span
                  className="mono w-32 shrink-0 text-12 text-t3 max-sm:w-auto"
                  title={hit.at ? exact(Date.parse(hit.at)) : undefined}
                >
                  {shortTime(hit.at)}
                </span>
                <span className="mono min-w-0 truncate text-12">
                  <Marked line={plain(hit.line)} text={wanted} />
                </span>
              </button>
            </li>
          ))}
          {found.data.more && <li className="px-4 py-2 text-12 text-t3">{t('search.most', { n: MOST })}</li>}
        </ul>
      )}
      <Dialog
        open={open !== undefined}
        onClose={() => setOpen(undefined)}
        width="lg"
        title={t('search.around')}
        note={open?.at && exact(Date.parse(open.at))}
      >
        {open && <Around server={server} hit={open} text={wanted} />}
      </Dialog>
    </div>
  )
}

function shortTime(at: string | null): string {
  if (!at) return ''
  const ms = Date.parse(at)
  const day = new Date(ms)
  return `${String(day.getDate()).padStart(2, '0')}.${String(day.getMonth() + 1).padStart(2, '0')}. ${clock(ms)}`
}

function Marked({ line, text }: { line: string; text: string }) {
  const at = line.toLowerCase().indexOf(text.toLowerCase())
  if (at < 0) return <>{line}</>
  return (
    <>
      {line.slice(0, at)}
      <mark className="rounded-xs bg-term-hit text-term-fg">{line.slice(at, at + text.length)}</mark>
      {line.slice(at + text.length)}
    </>
  )
}

const AROUND_BYTES = 8192

function Around({ server, hit, text }: { server: string; hit: ConsoleHit; text: string }) {
  const page = useQuery({
    queryKey: ['server', server, 'around', hit.run, hit.offset],
    queryFn: () =>
      must(
        api.GET('/servers/{server}/console', {
          params: {
            path: { server },
            query: {
              run: hit.run,
              stream: hit.stream,
              from: Math.max(0, hit.offset - AROUND_BYTES),
              to: hit.offset + AROUND_BYTES,
            },
          },
        }),
      ),
  })
  if (page.isError) return <ProblemView error={page.error} />
  if (!page.data) return <Spinner />
  const decoder = new TextDecoder()
  const lines = page.data.chunks
    .filter((chunk) => chunk.stream === hit.stream)
    .map((chunk) => decoder.decode(decodeBase64(chunk.data)))
    .join('')
    .split('\n')
    .map(plain)
  return (
    <pre
      tabIndex={0}
      className="mono max-h-[56vh] overflow-auto rounded-box border border-line-2 bg-term-bg p-3 text-12 leading-5 text-term-fg"
    >
      {lines.map((line, at) => (
        <div
          key={at}
          ref={line === plain(hit.line) ? (row) => row?.scrollIntoView({ block: 'center' }) : undefined}
        >
          <Marked line={line} text={text} />
        </div>
      ))}
    </pre>
  )
}
