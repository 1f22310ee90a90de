import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { databasesQuery } from '~/api/databases'
import { keys, serverQuery } from '~/api/queries'
import { type Database, limitsOf, type Server } from '~/api/types'
import { TakeBack } from '~/components/credentials'
import { ConnectionDialog } from '~/components/database-connection'
import { DatabaseStateBadge } from '~/components/database-state'
import { Page } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { DatabaseDialog } from '~/forms/database-create'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CopyIcon } from '~/ui/copy'
import { Address } from '~/ui/copy-box'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { count } from '~/util/format'
import { visible } from '~/util/visible'

const t = texts('databases')

/** Databases of a server. */
export function ServerDatabasesPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/databases' })
  const { data: server } = useQuery(serverQuery(id))
  if (!server) return null
  return (
    <Page>
      <Databases server={server} />
    </Page>
  )
}

const GRID =
  'grid grid-cols-[minmax(0,3fr)_minmax(0,3fr)_minmax(0,2fr)_auto] items-center gap-x-4 px-4 max-lg:grid-cols-1'

function Databases({ server }: { server: Server }) {
  const may = (key: string) => server.permissions.includes(key)
  const rows = useQuery({ ...databasesQuery(server.id), enabled: may('database.read') })
  const [making, setMaking] = useState(false)
  const [connecting, setConnecting] = useState<Database>()
  const [rotating, setRotating] = useState<Database>()
  const [removing, setRemoving] = useState<Database>()
  const most = limitsOf(server.limits).databases
  const have = rows.data?.length ?? 0
  const held = server.suspended && t('off.suspended')
  const off = {
    create:
      (!may('database.create') && t('no_right.create')) ||
      held ||
      (most !== null && have >= most && t('off.full')),
    password: (!may('database.view_password') && t('no_right.password')) || held,
    rotate: (!may('database.update') && t('no_right.rotate')) || held,
    remove: (!may('database.delete') && t('no_right.delete')) || held,
  }
  const add = (
    <Button look="primary" icon={Plus} off={off.create} onClick={() => setMaking(true)}>
      {t('new')}
    </Button>
  )
  const note = most === null ? count(have) : t('count_of', { have, most })
  return (
    <Card>
      <CardHead title={t('page')} note={rows.data && (have > 0 || most !== 0) ? note : undefined}>
        {have > 0 && add}
      </CardHead>
      {!may('database.read') && <Empty title={t('no_right.read')} />}
      {may('database.read') && rows.isPending && <SkeletonRows rows={3} />}
      {rows.isError && (
        <div className="p-4">
          <ProblemView error={rows.error} onRetry={() => void rows.refetch()} />
        </div>
      )}
      {rows.data && have === 0 && most === 0 && (
        <Empty title={t('none_allowed')}>{t('none_allowed_why')}</Empty>
      )}
      {rows.data && have === 0 && most !== 0 && (
        <Empty title={t('none')} action={add}>
          {t('none_why')}
        </Empty>
      )}
      {have > 0 && (
        <ul aria-label={t('page')}>
          {rows.data?.map((database) => (
            <Row
              key={database.id}
              database={database}
              off={off}
              onConnect={() => setConnecting(database)}
              onRotate={() => setRotating(database)}
              onRemove={() => setRemoving(database)}
            />
          ))}
        </ul>
      )}
      <DatabaseDialog server={server} open={making} onClose={() => setMaking(false)} />
      <ConnectionDialog
        server={server}
        database={connecting}
        off={off.password}
        onClose={() => setConnecting(undefined)}
      />
      <TakeBack
        item={rotating}
        onClose={() => setRotating(undefined)}
        title={t('rotate.title', { name: rotating?.name ?? '' })}
        verb={t('rotate.verb')}
        failed={t('rotate.failed')}
        list={keys.databases(server.id)}
        take={async ({ id, name }) => {
          const path = { server: server.id, database: id }
          const row = await must(
            api.POST('/servers/{server}/databases/{database}/rotate', { params: { path } }),
          )
          if (row.state === 'ready') toast.done(t('rotate.done', { name }))
        }}
      >
        {t('rotate.why')}
      </TakeBack>
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('delete.title', { name: removing?.name ?? '' })}
        verb={t('delete')}
        failed={t('delete.failed')}
        typed={removing?.name}
        list={keys.databases(server.id)}
        take={({ id, name }) => {
          const path = { server: server.id, database: id }
          return must(
            api.DELETE('/servers/{server}/databases/{database}', { params: { path, query: { name } } }),
          )
        }}
      >
        {t('delete.why')}
      </TakeBack>
    </Card>
  )
}

function Row({
  database,
  off,
  onConnect,
  onRotate,
  onRemove,
}: {
  database: Database
  off: { rotate: string | false; remove: string | false }
  onConnect: () => void
  onRotate: () => void
  onRemove: () => void
}) {
  const { name, host, state, problem } = database
  const busy = state !== 'ready' && t('off.busy')
  const away = problem && ['unreachable', 'timed_out', 'busy'].includes(problem.code)
  return (
    <li
      className={`${GRID} min-h-(--h-row) border-b border-line py-2 last:border-0 max-lg:gap-y-1 max-lg:py-3`}
    >
      <div className="min-w-0">
        <div className="flex items-center gap-1">
          <span className="mono truncate text-13 font-medium" title={name}>
            {name}
          </span>
          <CopyIcon text={name} label={t('copy.name')} />
        </div>
        <div className="truncate text-12 text-t3">
          <Ago at={database.created_at} />
        </div>
      </div>
      <div className="min-w-0">
        <Address text={`${host.address}:${host.port}`} />
        <div className="truncate text-12 text-t3">
          {[
            t(`engine.${host.engine}`),
            visible(host.name),
            database.connections_from !== '%' && `${t('field.from')} ${visible(database.connections_from)}`,
            database.most_connections && t('most_connections', { n: database.most_connections }),
          ]
            .filter(Boolean)
            .join(' · ')}
        </div>
      </div>
      <div className="min-w-0">
        <DatabaseStateBadge state={state} troubled={problem !== null} />
        {problem && (
          <p className="text-12 text-t2">
            {t(away ? 'problem.away' : 'problem.refuses')}{' '}
            {t.rich('problem.retry', { when: <Ago at={problem.retry_at} /> })}
          </p>
        )}
      </div>
      <div className="flex justify-end gap-2 max-lg:mt-1 max-lg:justify-start">
        <Button size="sm" off={busy} onClick={onConnect} aria-label={t('connect_to', { name })}>
          {t('connect')}
        </Button>
        <Button size="sm" off={off.rotate || busy} onClick={onRotate} aria-label={t('rotate_of', { name })}>
          {t('rotate')}
        </Button>
        <Button
          size="sm"
          look="danger"
          off={off.remove || (state === 'dropping' && t('off.busy'))}
          onClick={onRemove}
          aria-label={t('delete_of', { name })}
        >
          {t('delete')}
        </Button>
      </div>
    </li>
  )
}
