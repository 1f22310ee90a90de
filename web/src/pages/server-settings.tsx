import { useQuery } from '@tanstack/react-query'
import { useLocation, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { serverQuery } from '~/api/queries'
import type { Server } from '~/api/types'
import { Page } from '~/components/page-head'
import { ServerDanger } from '~/components/server-danger'
import { ServerPorts } from '~/components/server-ports'
import { ServerLimitsForm } from '~/forms/server-limits'
import { ServerNameForm } from '~/forms/server-name'
import { ServerStartupForm } from '~/forms/server-startup'
import { texts } from '~/i18n/texts'
import { Card, CardHead, Facts } from '~/ui/bits'
import { CopyIcon } from '~/ui/copy'
import { Ago } from '~/ui/time'

const common = texts('common')

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
          <ServerPorts server={server} />
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
                <CopyIcon text={server.id} label={common('copy.id')} />
              </span>,
            ],
            ['Owner', server.owner.name],
            ['Egg', server.egg.name],
            ['Node', server.node.name],
            ['Generation', String(server.generation)],
            ['Applied', server.applied ? 'yes' : 'not yet'],
            ['Created', <Ago key="created" at={server.created_at} />],
          ]}
        />
      </div>
    </Card>
  )
}
