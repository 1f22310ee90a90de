import { useQuery } from '@tanstack/react-query'
import { useLocation, useParams } from '@tanstack/react-router'
import { Suspense, useEffect } from 'react'
import { serverQuery } from '~/api/queries'
import type { Server } from '~/api/types'
import { Page } from '~/components/page-head'
import { ServerDanger } from '~/components/server-danger'
import { ServerMounts } from '~/components/server-mounts'
import { ServerPorts } from '~/components/server-ports'
import { ServerLimitsForm } from '~/forms/server-limits'
import { ServerNameForm } from '~/forms/server-name'
import { ServerStartupForm } from '~/forms/server-startup'
import { part } from '~/i18n/page'
import { texts } from '~/i18n/texts'
import { Card, CardHead, Facts } from '~/ui/bits'
import { CopyIcon } from '~/ui/copy'
import { Ago } from '~/ui/time'

const t = texts('server_settings')

const common = texts('common')

const SftpDetails = part(() => import('~/components/sftp-details'))

const ServerTransfer = part(() => import('~/components/server-transfer'))

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
          <Suspense fallback={null}>
            <SftpDetails server={server} />
          </Suspense>
          <ServerMounts server={server} />
          <ServerLimitsForm server={server} />
          <Suspense fallback={null}>
            <ServerTransfer server={server} />
          </Suspense>
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
      <CardHead title={t('facts')} />
      <div className="px-4 py-2">
        <Facts
          rows={[
            [
              t('facts.id'),
              <span key="id" className="inline-flex max-w-full items-center">
                <span className="mono truncate text-12 text-t2">{server.id}</span>
                <CopyIcon text={server.id} label={common('copy.id')} />
              </span>,
            ],
            [t('facts.owner'), server.owner.name],
            [t('facts.egg'), server.egg.name],
            [t('facts.node'), server.node.name],
            [t('facts.generation'), String(server.generation)],
            [t('facts.applied'), t(server.applied ? 'facts.applied_yes' : 'facts.applied_not')],
            [t('facts.created'), <Ago key="created" at={server.created_at} />],
          ]}
        />
      </div>
    </Card>
  )
}
