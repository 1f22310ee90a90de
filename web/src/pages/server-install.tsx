import { useQuery } from '@tanstack/react-query'
import { useParams, useSearch } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { BASE, raw } from '~/api/client'
import { Problem } from '~/api/problem'
import { operationsQuery, serverQuery } from '~/api/queries'
import { isActive } from '~/components/operations-tray'
import { Page } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { plain } from '~/live/ansi'
import { Badge } from '~/ui/badge'
import { Card, CardHead } from '~/ui/bits'
import { buttonClass } from '~/ui/button'
import { Bar } from '~/ui/spark'
import { Ago } from '~/ui/time'
import { Empty } from '~/ui/wait'
import { visible, visibleLines } from '~/util/visible'

const t = texts('server')

export function ServerInstallPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/install' })
  const { operation: wanted } = useSearch({ from: '/app/servers/$server/install' })
  const { data: server } = useQuery(serverQuery(id))
  const { data: operations } = useQuery(operationsQuery)
  const operation = operations?.find((o) =>
    wanted ? o.id === wanted : o.server?.id === id && o.kind !== 'delete',
  )
  const running = operation ? isActive(operation) : server?.state === 'installing'
  const query = wanted ? `?operation=${encodeURIComponent(wanted)}` : ''
  const log = useQuery({
    queryKey: ['server', id, 'install-log', wanted ?? 'last'],
    queryFn: async () => {
      try {
        return await (await raw(`/servers/${id}/install-log${query}`)).text()
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return ''
        throw error
      }
    },
    refetchInterval: running ? 1500 : false,
  })
  const box = useRef<HTMLPreElement>(null)
  const stick = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when the text has grown
  useEffect(() => {
    if (box.current && stick.current) box.current.scrollTop = box.current.scrollHeight
  }, [log.data])
  const result = server?.install
  const lines = (log.data ?? '').split('\n')
  return (
    <Page>
      <Card className="flex flex-col">
        <CardHead title={t('install.title')} note={result?.at ? <Ago at={result.at} /> : undefined}>
          {running ? (
            <Badge family="move" shape="installing">
              {operation?.step ?? t('installing')}
            </Badge>
          ) : result?.result === 'failed' ? (
            <Badge family="fail" shape="error">
              {result.exit_code != null
                ? t('install.failed_exit', { code: result.exit_code })
                : t('install.failed')}
            </Badge>
          ) : result?.result === 'done' ? (
            <Badge family="run" shape="ok">
              {t('install.done')}
            </Badge>
          ) : null}
          <a
            href={`${BASE}/servers/${id}/install-log${query}`}
            download="install.log"
            className={buttonClass('secondary', 'sm', false)}
          >
            <Download aria-hidden="true" size={14} strokeWidth={1.75} />
            {t('install.download')}
          </a>
        </CardHead>
        {running && operation?.percent != null && (
          <Bar look="move" share={operation.percent / 100} label={`${Math.round(operation.percent)} %`} />
        )}
        {result?.result === 'failed' && result.message && !running && (
          <p className="border-b border-line px-4 py-2.5 text-fail-fg [overflow-wrap:anywhere]">
            {visibleLines(result.message)}
          </p>
        )}
        {log.isError && (
          <div className="p-4">
            <ProblemView error={log.error} onRetry={() => void log.refetch()} />
          </div>
        )}
        {log.data === '' ? (
          <Empty
            title={
              running ? t('install.nothing_yet') : result?.result ? t('install.nothing') : t('install.none')
            }
          >
            {running ? t('install.image') : t('install.again')}
          </Empty>
        ) : (
          <pre
            ref={box}
            tabIndex={0}
            role="log"
            aria-label={t('install.title')}
            aria-live="off"
            onScroll={(event) => {
              const el = event.currentTarget
              stick.current = el.scrollHeight - el.scrollTop - el.clientHeight < 40
            }}
            className="mono h-[calc(100dvh-300px)] min-h-60 overflow-auto rounded-b-box bg-term-bg px-4 py-3 text-12 leading-5 text-term-fg max-sm:whitespace-pre-wrap max-sm:[overflow-wrap:anywhere]"
          >
            {lines.map((line, at) => (
              <div
                key={at}
                className={/error|failed|cannot|not found/i.test(line) ? 'text-fail-fg' : undefined}
              >
                {visible(plain(line)) || ' '}
              </div>
            ))}
          </pre>
        )}
      </Card>
    </Page>
  )
}
