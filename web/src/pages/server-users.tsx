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
import { Avatar, Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { fewOf, lackedOf, rightsText } from '~/util/rights'
import { visible } from '~/util/visible'

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
      off={may('user.create') ? false : 'You may not give others access to this server'}
      onClick={() => setSharing('new')}
    >
      Give access
    </Button>
  )
  const own = removing !== undefined && removing.id === me?.id
  return (
    <Card>
      <CardHead title="People with access" note={subusers.data?.length}>
        {(subusers.data?.length ?? 0) > 0 && give}
      </CardHead>
      {!may('user.read') && <Empty title="You may not see who has access to this server" />}
      {may('user.read') && subusers.isPending && <SkeletonRows rows={3} />}
      {subusers.isError && (
        <div className="p-4">
          <ProblemView error={subusers.error} onRetry={() => void subusers.refetch()} />
        </div>
      )}
      {subusers.data?.length === 0 && (
        <Empty title="Only the owner and the panel’s staff have access" action={give}>
          Let a friend start it, an admin of yours read the console, or a developer change files: each with
          just the rights that they need, and for as long as you say.
        </Empty>
      )}
      {subusers.data && subusers.data.length > 0 && (
        <>
          <div
            className={`${GRID} h-8 border-b border-line text-12 text-t3 max-sm:hidden`}
            aria-hidden="true"
          >
            <span>Name</span>
            <span>May do</span>
            <span>Until</span>
          </div>
          <ul aria-label="People with access">
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
        title={own ? `Leave ${server.name}?` : `Take ${removing?.username}’s access away?`}
        verb={own ? 'Leave' : 'Take away'}
        failed={own ? 'You have not left' : 'Not taken away'}
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
        {own
          ? 'You give up what was shared with you. Only somebody who may give access here can let you in again.'
          : 'What they have open closes within a second. Roles that they have are not touched by this.'}
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
  const beyond = lacked.length > 0 && `They have what you lack: ${fewOf(lacked)}`
  const may = (key: string, words: string) =>
    server.permissions.includes(key) ? false : `You may not ${words}`
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
            {own && <Tag>you</Tag>}
            {subuser.invited && <Tag>invited</Tag>}
          </div>
          {subuser.email && (
            <div className="truncate text-12 text-t3" title={visible(subuser.email)}>
              {visible(subuser.email)}
            </div>
          )}
        </div>
      </div>
      <div>
        <span className="mr-1.5 text-t3 sm:hidden">May do</span>
        <span className="num" title={subuser.keys.join('\n')}>
          {permissions.data && rightsText(subuser.keys, permissions.data.presets, most)}
        </span>
        <div className="text-12 text-t3 max-sm:hidden">
          given <Ago at={subuser.created_at} />
        </div>
      </div>
      <div className="text-t2">
        <Ends at={subuser.expires_at} />
      </div>
      <div className="flex justify-end gap-2 max-sm:mt-1 max-sm:justify-start">
        <Button
          size="sm"
          off={
            own
              ? 'Nobody changes their own rights; ask the owner'
              : may('user.update', 'change this') || beyond
          }
          onClick={onEdit}
          aria-label={`Change what ${subuser.username} may do`}
        >
          Change
        </Button>
        <Button
          size="sm"
          look="danger"
          off={own ? false : may('user.delete', 'take access away') || beyond}
          onClick={onRemove}
          aria-label={own ? `Leave ${server.name}` : `Take ${subuser.username}’s access away`}
        >
          {own ? 'Leave' : 'Remove'}
        </Button>
      </div>
    </li>
  )
}
