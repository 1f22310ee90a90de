import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { permissionsQuery, rolesQuery } from '~/api/people'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { RoleDialog } from '~/forms/role-create'
import { useMay } from '~/hooks/use-may'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'

export function RolesPage() {
  const search = useSearch({ from: '/app/roles' })
  const navigate = useNavigate({ from: '/roles' })
  const roles = useQuery(rolesQuery)
  const permissions = useQuery(permissionsQuery)
  const { may } = useMay()
  usePage('Roles')
  const setNew = (open: boolean) => void navigate({ search: open ? { new: true } : {}, replace: true })
  const off = may('role.create') ? false : 'You may not make roles'
  return (
    <Page>
      <PageHead title="Roles" note={roles.data?.length}>
        <Button look="primary" icon={Plus} off={off} onClick={() => setNew(true)}>
          New role
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">
        What your staff may do beside their own servers: a set of rights under a name, given to people over
        everything, a location, a node or a server.
      </p>
      {roles.isError && <ProblemView error={roles.error} onRetry={() => void roles.refetch()} />}
      {roles.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {roles.data && (
        <Card>
          {roles.data.length === 0 ? (
            <Empty
              title="Admins do everything, and the others nothing of it"
              action={
                <Button icon={Plus} off={off} onClick={() => setNew(true)}>
                  New role
                </Button>
              }
            >
              Make a role for what somebody does: support that reads consoles, a friend who looks after one
              node. Then give it to them.
            </Empty>
          ) : (
            <table className="tbl table-fixed">
              <thead>
                <tr>
                  <th>Name</th>
                  <th className="r w-24">Rights</th>
                  <th className="r w-28 max-sm:w-20">Given</th>
                  <th className="r w-36 max-sm:hidden">Changed</th>
                </tr>
              </thead>
              <tbody>
                {roles.data.map((role) => (
                  <tr key={role.id}>
                    <td>
                      <Link
                        to="/roles/$role"
                        params={{ role: role.id }}
                        className="fills-cell block truncate leading-[18px] font-medium hover:text-accent"
                      >
                        {role.name}
                      </Link>
                      <div className="truncate text-12 text-t3" title={role.description}>
                        {role.second_factor && <span className="text-t2">two-step · </span>}
                        {role.description}
                      </div>
                    </td>
                    <td className="r">
                      {role.keys.length}
                      {permissions.data && <span className="text-t3"> / {permissions.data.keys.length}</span>}
                    </td>
                    <td className="r">
                      {role.grants === 0 ? <span className="text-t3">to nobody</span> : `${role.grants} ×`}
                    </td>
                    <td className="r text-t2 max-sm:hidden">
                      <Ago at={role.updated_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Card>
      )}
      <RoleDialog open={search.new === true} onClose={() => setNew(false)} />
    </Page>
  )
}
