import { useQuery } from '@tanstack/react-query'
import { Database, Plus } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { databaseHostsQuery } from '~/api/databases'
import { keys } from '~/api/queries'
import type { DatabaseHost } from '~/api/types'
import { TakeBack } from '~/components/credentials'
import { HostTestDialog } from '~/components/database-host-test'
import { HostedDialog } from '~/components/hosted-databases'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { DatabaseHostDialog, type EditingHost } from '~/forms/database-host-edit'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Badge } from '~/ui/badge'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { visible } from '~/util/visible'

const t = texts('database_hosts')

/** Database servers on which game servers get databases. */
export function DatabaseHostsPage() {
  const { may } = useMay()
  const hosts = useQuery(databaseHostsQuery)
  const [editing, setEditing] = useState<EditingHost>()
  const [testing, setTesting] = useState<DatabaseHost>()
  const [listing, setListing] = useState<DatabaseHost>()
  const [removing, setRemoving] = useState<DatabaseHost>()
  usePage(t('page'))
  const off = {
    create: may('database_host.create') ? false : t('no_right.create'),
    update: may('database_host.update') ? false : t('no_right.update'),
    remove: may('database_host.delete') ? false : t('no_right.delete'),
  } as const
  const add = (look: 'primary' | 'secondary') => (
    <Button look={look} icon={Plus} off={off.create} onClick={() => setEditing('new')}>
      {t('new')}
    </Button>
  )
  return (
    <Page>
      <PageHead title={t('page')} note={hosts.data?.length}>
        {add('primary')}
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">{t('about')}</p>
      {hosts.isError && <ProblemView error={hosts.error} onRetry={() => void hosts.refetch()} />}
      {hosts.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {hosts.data && (
        <Card>
          {hosts.data.length === 0 && (
            <Empty title={t('none')} action={add('secondary')}>
              {t('none_why')}
            </Empty>
          )}
          <ul aria-label={t('page')}>
            {hosts.data.map((host) => (
              <li
                key={host.id}
                className="flex items-center gap-x-3 gap-y-2 border-t border-line px-4 py-2.5 first:border-0 max-md:flex-wrap"
              >
                <Database
                  aria-hidden="true"
                  size={16}
                  strokeWidth={1.75}
                  className="shrink-0 text-t3 max-md:hidden"
                />
                <div className="min-w-0 flex-1 max-md:basis-full">
                  <div className="flex flex-wrap items-center gap-2">
                    <span className="truncate font-medium">{visible(host.name)}</span>
                    {host.troubled > 0 && (
                      <Badge family="warn" shape="look">
                        {t('troubled', { n: host.troubled })}
                      </Badge>
                    )}
                  </div>
                  <div className="flex flex-wrap gap-x-1.5 text-12 text-t3">
                    {factsOf(host).map((fact, at, all) => (
                      <span key={at} className="[overflow-wrap:anywhere]">
                        {fact}
                        {at < all.length - 1 && ' ·'}
                      </span>
                    ))}
                  </div>
                </div>
                <span className="flex flex-wrap gap-2">
                  <Button
                    size="sm"
                    off={off.update}
                    onClick={() => setTesting(host)}
                    aria-label={t('test_of', { name: visible(host.name) })}
                  >
                    {t('test')}
                  </Button>
                  <Button
                    size="sm"
                    onClick={() => setListing(host)}
                    aria-label={t('list_of', { name: visible(host.name) })}
                  >
                    {t('list')}
                  </Button>
                  <Button
                    size="sm"
                    off={off.update}
                    onClick={() => setEditing(host)}
                    aria-label={t('change_of', { name: visible(host.name) })}
                  >
                    {t('change')}
                  </Button>
                  <Button
                    size="sm"
                    look="danger"
                    off={off.remove || (host.databases > 0 && t('delete.in_use'))}
                    onClick={() => setRemoving(host)}
                    aria-label={t('delete_of', { name: visible(host.name) })}
                  >
                    {t('delete')}
                  </Button>
                </span>
              </li>
            ))}
          </ul>
        </Card>
      )}
      <DatabaseHostDialog editing={editing} onClose={() => setEditing(undefined)} />
      <HostTestDialog host={testing} onClose={() => setTesting(undefined)} />
      <HostedDialog host={listing} off={off.update} onClose={() => setListing(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('delete.title', { name: removing?.name ?? '' })}
        verb={t('delete')}
        failed={t('delete.failed')}
        typed={removing?.name}
        list={keys.databaseHosts}
        take={({ id }) =>
          must(api.DELETE('/database-hosts/{database_host}', { params: { path: { database_host: id } } }))
        }
      >
        {t('delete.why')}
      </TakeBack>
    </Page>
  )
}

function factsOf(host: DatabaseHost): ReactNode[] {
  const [nodes, locations] = [host.nodes.length, host.locations.length]
  return [
    t(`engine.${host.engine}`),
    <span key="address" className="mono">{`${host.address}:${host.port}`}</span>,
    t('fact.as', { name: visible(host.username) }),
    typeof host.most_databases === 'number'
      ? t('fact.count_of', { n: host.databases, most: host.most_databases })
      : t('fact.count', { n: host.databases }),
    nodes + locations === 0 ? t('fact.all') : t('fact.some', { nodes, locations }),
  ]
}
