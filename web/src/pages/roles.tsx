import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { permissionsQuery, rolesQuery } from '~/api/people'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { RoleDialog } from '~/forms/role-create'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'

const t = texts('roles')

export function RolesPage() {
  const search = useSearch({ from: '/app/roles' })
  const navigate = useNavigate({ from: '/roles' })
  const roles = useQuery(rolesQuery)
  const permissions = useQuery(permissionsQuery)
  const { may } = useMay()
  usePage(t('title'))
  const setNew = (open: boolean) => void navigate({ search: open ? { new: true } : {}, replace: true })
  const off = may('role.create') ? false : t('off.make')
  return (
    <Page>
      <PageHead title={t('title')} note={roles.data?.length}>
        <Button look="primary" icon={Plus} off={off} onClick={() => setNew(true)}>
          {t('new')}
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">{t('list.note')}</p>
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
              title={t('list.none')}
              action={
                <Button icon={Plus} off={off} onClick={() => setNew(true)}>
                  {t('new')}
                </Button>
              }
            >
              {t('list.none_note')}
            </Empty>
          ) : (
            <table className="tbl table-fixed">
              <thead>
                <tr>
                  <th>{t('list.name')}</th>
                  <th className="r w-24">{t('list.rights')}</th>
                  <th className="r w-28 max-sm:w-20">{t('list.given')}</th>
                  <th className="r w-36 max-sm:hidden">{t('list.changed')}</th>
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
                        {role.second_factor && <span className="text-t2">{t('two_step')} · </span>}
                        {role.description}
                      </div>
                    </td>
                    <td className="r">
                      {role.keys.length}
                      {permissions.data && <span className="text-t3"> / {permissions.data.keys.length}</span>}
                    </td>
                    <td className="r">
                      {role.grants === 0 ? (
                        <span className="text-t3">{t('list.to_nobody')}</span>
                      ) : (
                        `${role.grants} ×`
                      )}
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
