import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { activityQuery } from '~/api/audit'
import { serverQuery } from '~/api/queries'
import type { Server } from '~/api/types'
import { AuditList } from '~/components/audit-list'
import { Page } from '~/components/page-head'
import { ActionFilter, Filters } from '~/forms/audit-filter'
import { useMay } from '~/hooks/use-may'
import { usePermissions } from '~/hooks/use-permissions'
import { texts } from '~/i18n/texts'
import { Card } from '~/ui/bits'
import { Empty } from '~/ui/wait'

const t = texts('server')

/** Who did what on one server. */
export function ServerActivityPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/activity' })
  const { data: server } = useQuery(serverQuery(id))
  if (!server) return null
  return (
    <Page>
      {server.permissions.includes('activity.read') ? (
        <Activity server={server} />
      ) : (
        <Card>
          <Empty title={t('activity.may_not')} />
        </Card>
      )}
    </Page>
  )
}

function Activity({ server }: { server: Server }) {
  const { action } = useSearch({ from: '/app/servers/$server/activity' })
  const navigate = useNavigate({ from: '/servers/$server/activity' })
  const { may } = useMay()
  const permissions = usePermissions()
  const list = useInfiniteQuery({ ...activityQuery(server.id, action), placeholderData: keepPreviousData })
  const narrow = (to: string | undefined) =>
    void navigate({ search: to ? { action: to } : {}, replace: true })
  return (
    <>
      <Filters set={action !== undefined} onClear={() => narrow(undefined)}>
        <ActionFilter servers value={action} permissions={permissions} onChange={narrow} />
        {may('audit.read') && (
          <Link
            to="/audit"
            search={{ server: server.id }}
            className="hit ml-auto shrink-0 text-12 font-medium text-accent"
          >
            {t('activity.audit')}
          </Link>
        )}
      </Filters>
      <AuditList
        of={server.id}
        list={list}
        permissions={permissions}
        filtered={action !== undefined}
        onClear={() => narrow(undefined)}
      />
    </>
  )
}
