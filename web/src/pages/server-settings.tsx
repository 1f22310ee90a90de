import { useQuery } from '@tanstack/react-query'
import { useLocation, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { serverQuery } from '~/api/queries'
import type { Server } from '~/api/types'
import { Page } from '~/components/page-head'
import { ServerDanger } from '~/components/server-danger'
import { ServerLimitsForm } from '~/forms/server-limits'
import { ServerNameForm } from '~/forms/server-name'
import { ServerStartupForm } from '~/forms/server-startup'
import { Card, CardHead, Facts } from '~/ui/bits'
import { Address, CopyIcon } from '~/ui/copy'
import { Ago } from '~/ui/time'
import { playerAddress } from '~/util/ports'

export function ServerSettingsPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/settings' })
  const { data: server } = useQuery(serverQuery(id))
  const { hash } = useLocation()
  useEffect(() => {
    if (hash) document.getElementById(hash)?.scrollIntoView({ block: 'center' })
  }, [hash])
  if (!server) return null
  return (
    <Page>
      <div className="grid grid-cols-[minmax(0,1fr)_328px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          <ServerNameForm server={server} />
          <ServerStartupForm server={server} />
          <ServerLimitsForm server={server} />
          <ServerDanger server={server} />
        </div>
        <Side server={server} />
      </div>
    </Page>
  )
}

function Side({ server }: { server: Server }) {
  return (
    <Card>
      <CardHead title="Facts" />
      <div className="px-4 py-2">
        <Facts
          rows={[
            [
              'Id',
              <span key="id" className="inline-flex max-w-full items-center">
                <span className="mono truncate text-12 text-t2">{server.id}</span>
                <CopyIcon text={server.id} what="id" />
              </span>,
            ],
            ['Egg', server.egg.name],
            ['Node', server.node.name],
            ['Generation', String(server.generation)],
            ['Applied', server.applied ? 'yes' : 'not yet'],
            ['Created', <Ago key="created" at={server.created_at} />],
          ]}
        />
      </div>
      <CardHead title="Addresses" note={server.allocations.length} />
      <ul className="px-4 py-2">
        {server.allocations.map((allocation) => (
          <li key={allocation.id} className="flex min-h-7 items-center justify-between gap-2">
            <Address text={playerAddress(allocation, server.address?.host)} />
            {allocation.primary && <span className="text-12 text-t3">primary</span>}
          </li>
        ))}
        {server.allocations.length === 0 && <li className="text-t3">none</li>}
      </ul>
    </Card>
  )
}
