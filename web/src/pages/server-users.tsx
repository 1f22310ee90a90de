import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { permissionsQuery, subusersQuery } from '~/api/people'
import { keys, queryClient, serverQuery } from '~/api/queries'
import type { Server, Subuser } from '~/api/types'
import { Ends, TakeBack } from '~/components/credentials'
import { Page } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { type Sharing, SubuserDialog } from '~/forms/subuser-edit'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Avatar, Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { fewOf, lackedOf, rightsText } from '~/util/rights'
import { visible } from '~/util/visible'

const t = texts('sharing')

/** Who may do what on a server beside its owner. */
export function ServerUsersPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/users' })
  const { data: server } = useQuery(serverQuery(id))
  if (!server) return null
  return (
    <Page>
      <Shared server={server} />
    </Page>
  )
}

const GRID =
  'grid grid-cols-[minmax(0,3fr)_minmax(0,2fr)_minmax(0,2fr)_176px] items-center gap-x-4 px-4 max-sm:grid-cols-1'

function Shared({ server }: { server: Server }) {
  const navigate = useNavigate()
  const { user: me, admin } = useMay()
  const may = (key: string) => server.permissions.includes(key)
  const subusers = useQuery({ ...subusersQuery(server.id), enabled: may('user.read') })
  const [sharing, setSharing] = useState<Sharing>()
  const [removing, setRemoving] = useState<Subuser>()
  const give = (
    <Button
      look="primary"
      icon={Plus}
      off={may('user.create') ? false : t('off.give')}
      onClick={() => setSharing('new')}
    >
      {t('give')}
    </Button>
  )
  const own = removing !== undefined && removing.id === me?.id
  return (
    <Card>
      <CardHead title={t('title')} note={subusers.data?.length}>
        {(subusers.data?.length ?? 0) > 0 && give}
      </CardHead>
      {!may('user.read') && <Empty title={t('off.see')} />}
      {may('user.read') && subusers.isPending && <SkeletonRows rows={3} />}
      {subusers.isError && (
        <div className="p-4">
          <ProblemView error={subusers.error} onRetry={() => void subusers.refetch()} />
        </div>
      )}
      {subusers.data?.length === 0 && (
        <Empty title={t('none')} action={give}>
          {t('none_note')}
        </Empty>
      )}
      {subusers.data && subusers.data.length > 0 && (
        <>
          <div
            className={`${GRID} h-8 border-b border-line text-12 text-t3 max-sm:hidden`}
            aria-hidden="true"
          >
            <span>{t('list.name')}</span>
            <span>{t('list.may')}</span>
            <span>{t('list.until')}</span>
          </div>
          <ul aria-label={t('title')}>
            {subusers.data.map((subuser) => (
              <Row
                key={subuser.id}
                {...{ server, subuser }}
                own={subuser.id === me?.id}
                onEdit={() => setSharing(subuser)}
                onRemove={() => setRemoving(subuser)}
              />
            ))}
          </ul>
        </>
      )}
      <SubuserDialog server={server} sharing={sharing} onClose={() => setSharing(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={
          own
            ? t('leave_title', { server: server.name })
            : t('take_title', { name: removing?.username ?? '' })
        }
        verb={t(own ? 'leave' : 'take')}
        failed={t(own ? 'not_left' : 'not_taken')}
        list={keys.subusers(server.id)}
        take={async ({ id }) => {
          await must(
            api.DELETE('/servers/{server}/users/{user}', {
              params: { path: { server: server.id, user: id } },
            }),
          )
          if (!own) return
          await queryClient.invalidateQueries({ queryKey: keys.servers })
          if (!admin) await navigate({ to: '/servers' })
        }}
      >
        {t(own ? 'leave_note' : 'take_note')}
      </TakeBack>
    </Card>
  )
}

function Row({
  server,
  subuser,
  own,
  onEdit,
  onRemove,
}: {
  server: Server
  subuser: Subuser
  own: boolean
  onEdit: () => void
  onRemove: () => void
}) {
  const permissions = useQuery(permissionsQuery)
  const lacked = lackedOf(subuser.keys, new Set(server.permissions))
  const beyond = lacked.length > 0 && t('off.beyond', { rights: fewOf(lacked) })
  const may = (key: string) => server.permissions.includes(key)
  const most = permissions.data?.keys.filter(({ set }) => set === 'server').length ?? 0
  return (
    <li
      className={`${GRID} min-h-(--h-row) border-b border-line py-1.5 last:border-0 max-sm:gap-y-1 max-sm:py-3`}
    >
      <div className="flex min-w-0 items-center gap-2.5">
        <Avatar name={subuser.username} />
        <div className="min-w-0 flex-1">
          <div className="flex items-center gap-2">
            <span className="truncate font-medium">{subuser.username}</span>
            {own && <Tag>{t('you')}</Tag>}
            {subuser.invited && <Tag>{t('invited')}</Tag>}
          </div>
          {subuser.email && (
            <div className="truncate text-12 text-t3" title={visible(subuser.email)}>
              {visible(subuser.email)}
            </div>
          )}
        </div>
      </div>
      <div>
        <span className="mr-1.5 text-t3 sm:hidden">{t('list.may')}</span>
        <span className="num" title={subuser.keys.join('\n')}>
          {permissions.data && rightsText(subuser.keys, permissions.data.presets, most)}
        </span>
        <div className="text-12 text-t3 max-sm:hidden">
          {t.rich('given', { ago: <Ago at={subuser.created_at} /> })}
        </div>
      </div>
      <div className="text-t2">
        <Ends at={subuser.expires_at} />
      </div>
      <div className="flex justify-end gap-2 max-sm:mt-1 max-sm:justify-start">
        <Button
          size="sm"
          off={own ? t('off.own') : may('user.update') ? beyond : t('off.change')}
          onClick={onEdit}
          aria-label={t('change_of', { name: subuser.username })}
        >
          {t('change')}
        </Button>
        <Button
          size="sm"
          look="danger"
          off={own ? false : may('user.delete') ? beyond : t('off.take')}
          onClick={onRemove}
          aria-label={own ? t('leave_of', { server: server.name }) : t('take_of', { name: subuser.username })}
        >
          {t(own ? 'leave' : 'remove')}
        </Button>
      </div>
    </li>
  )
}
