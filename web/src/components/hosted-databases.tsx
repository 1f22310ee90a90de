import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { hostedDatabasesQuery } from '~/api/databases'
import { keys } from '~/api/queries'
import type { DatabaseHost, HostedDatabase } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { SkeletonRows } from '~/ui/wait'
import { visible } from '~/util/visible'
import { TakeBack } from './credentials'
import { DatabaseStateBadge } from './database-state'
import { ProblemView } from './problem-view'

const t = texts('database_hosts')

/** What is on a host, with what is in its way. */
export function HostedDialog({
  host,
  off,
  onClose,
}: {
  host: DatabaseHost | undefined
  /** Why nothing may be forgotten. */
  off: string | false
  onClose: () => void
}) {
  return (
    <Dialog
      open={host !== undefined}
      onClose={onClose}
      width="lg"
      title={host ? t('list_of', { name: host.name }) : ''}
    >
      {host && <Hosted key={host.id} host={host} off={off} />}
    </Dialog>
  )
}

function Hosted({ host, off }: { host: DatabaseHost; off: string | false }) {
  const rows = useQuery(hostedDatabasesQuery(host.id))
  const [forgetting, setForgetting] = useState<HostedDatabase>()
  if (rows.isError) return <ProblemView error={rows.error} onRetry={() => void rows.refetch()} />
  if (rows.isPending) return <SkeletonRows rows={3} />
  if (rows.data.length === 0) return <p className="text-t2">{t('hosted.none')}</p>
  return (
    <>
      <ul aria-label={t('list_of', { name: visible(host.name) })}>
        {rows.data.map((row) => (
          <Row key={row.id} row={row} off={off} onForget={() => setForgetting(row)} />
        ))}
      </ul>
      <TakeBack
        item={forgetting}
        onClose={() => setForgetting(undefined)}
        title={t('forget.title', { name: forgetting?.name ?? '' })}
        verb={t('forget')}
        failed={t('forget.failed')}
        typed={forgetting?.name}
        list={keys.databaseHosts}
        take={({ id }) =>
          must(
            api.DELETE('/database-hosts/{database_host}/databases/{database}', {
              params: { path: { database_host: host.id, database: id } },
            }),
          )
        }
      >
        {t('forget.why')}
      </TakeBack>
    </>
  )
}

function Row({ row, off, onForget }: { row: HostedDatabase; off: string | false; onForget: () => void }) {
  const { server } = row
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line py-2.5 first:border-0">
      <div className="min-w-0 flex-1 basis-60">
        <div className="mono truncate text-13 font-medium">{row.name}</div>
        <div className="truncate text-12 text-t3">
          {!server && t('hosted.gone')}
          {server && row.orphaned && t('hosted.deleted', { server: visible(server.name) })}
          {server &&
            !row.orphaned &&
            t.rich('hosted.of', {
              server: (
                <Link
                  to="/servers/$server/databases"
                  params={{ server: server.id }}
                  className="text-accent hover:underline"
                >
                  {visible(server.name)}
                </Link>
              ),
            })}
        </div>
      </div>
      <div className="min-w-0 flex-1 basis-60">
        <DatabaseStateBadge state={row.state} troubled={row.problem !== null} />
        {row.problem && (
          <div className="text-12 text-t2 [overflow-wrap:anywhere]">
            <p>
              {t.maybe(`code.${row.problem}`)} {visible(row.problem_detail ?? '')}
            </p>
            {row.retry_at && (
              <p className="text-t3">
                {t.rich('hosted.tries', { n: row.failures, when: <Ago at={row.retry_at} /> })}
              </p>
            )}
          </div>
        )}
      </div>
      {row.state === 'dropping' && row.failures > 0 && (
        <Button
          size="sm"
          look="danger"
          off={off}
          onClick={onForget}
          aria-label={t('forget_of', { name: row.name })}
        >
          {t('forget')}
        </Button>
      )}
    </li>
  )
}
