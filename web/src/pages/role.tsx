import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { permissionsQuery, roleQuery } from '~/api/people'
import { keys, queryClient } from '~/api/queries'
import type { Role } from '~/api/types'
import { Page, PageHead } from '~/components/page-head'
import { PageProblem } from '~/components/page-states'
import { RolePeople } from '~/components/role-people'
import { ViewAsButton } from '~/components/view-as'
import { RoleForm } from '~/forms/role-edit'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { toast } from '~/stores/toasts'
import { Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { fewOf, lackedOf } from '~/util/rights'

const t = texts('roles')

export function RolePage() {
  const { role: id } = useParams({ from: '/app/roles/$role' })
  const query = useQuery(roleQuery(id))
  const permissions = useQuery(permissionsQuery)
  const { keys: mine, may } = useMay()
  const role = query.data
  usePage(role?.name ?? t('role'), [{ label: t('title'), to: '/roles' }, { label: role?.name ?? '' }])
  if (query.isError && !role) {
    return <PageProblem what="role" list="/roles" error={query.error} onRetry={() => void query.refetch()} />
  }
  if (!role) return null
  const lacked = lackedOf(role.keys, mine)
  const beyond = lacked.length > 0 && t('off.beyond', { rights: fewOf(lacked) })
  return (
    <Page>
      <PageHead
        title={role.name}
        note={
          <span className="flex items-center gap-1.5">
            {role.second_factor && <Tag className="max-sm:hidden">{t('two_step')}</Tag>}
            <span>{t.rich('changed', { ago: <Ago at={role.updated_at} /> })}</span>
          </span>
        }
      >
        <ViewAsButton role={role.id} />
        <DeleteRole role={role} off={may('role.delete') ? beyond : t('off.remove')} />
      </PageHead>
      <div className="grid grid-cols-[minmax(0,1fr)_400px] items-start gap-4 max-xl:grid-cols-1">
        {permissions.data && (
          <RoleForm
            key={role.id}
            role={role}
            permissions={permissions.data}
            off={may('role.update') ? beyond : t('off.change')}
          />
        )}
        <div className="max-xl:order-first">
          <RolePeople role={role} />
        </div>
      </div>
    </Page>
  )
}

function DeleteRole({ role, off }: { role: Role; off: string | false }) {
  const navigate = useNavigate()
  const [asking, setAsking] = useState(false)
  async function remove() {
    try {
      await must(api.DELETE('/roles/{role}', { params: { path: { role: role.id } } }))
      await navigate({ to: '/roles' })
      queryClient.removeQueries({ queryKey: keys.role(role.id) })
      void queryClient.invalidateQueries({ queryKey: keys.roles })
      void queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(t('deleted', { name: role.name }))
    } catch (error) {
      toast.error(t('not_deleted'), error)
      throw error
    }
  }
  return (
    <>
      <Button look="danger" off={off} onClick={() => setAsking(true)}>
        {t('delete')}
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={t('delete_title', { name: role.name })}
        verb={t('delete')}
        typed={role.grants > 0 ? role.name : undefined}
        onConfirm={remove}
      >
        {t('delete_note', { n: role.grants })}
      </Confirm>
    </>
  )
}
