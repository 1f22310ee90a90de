import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Server } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'

/** What can't be taken back with another click: reinstall, suspend, leave, delete. */
export function ServerDanger({ server }: { server: Server }) {
  const navigate = useNavigate()
  const { user: me } = useMay()
  const [asking, setAsking] = useState<'reinstall' | 'leave' | 'delete'>()
  const [wipe, setWipe] = useState(false)
  const may = (key: string) => server.permissions.includes(key)
  const row = (title: string, text: string, action: ReactNode, id?: string) => (
    <div id={id} className="flex flex-wrap items-center gap-3 border-t border-line px-4 py-3 first:border-0">
      <div className="min-w-0 flex-1 basis-64">
        <div className="font-medium">{title}</div>
        <div className="text-12 text-t3">{text}</div>
      </div>
      {action}
    </div>
  )
  async function suspend() {
    try {
      const fresh = await must(
        api.PATCH('/servers/{server}', {
          params: { path: { server: server.id } },
          body: { suspended: !server.suspended },
        }),
      )
      queryClient.setQueryData<Server>(keys.server(server.id), (old) => ({ ...(old ?? fresh), ...fresh }))
    } catch (error) {
      toast.error(server.suspended ? 'Not released' : 'Not suspended', error)
    }
  }
  return (
    <Card>
      <CardHead title="Interventions" />
      {row(
        'Reinstall',
        'Runs the egg’s install script again. The server is stopped meanwhile; files that the script does not touch stay.',
        <Button
          look="danger"
          off={
            may('settings.reinstall')
              ? server.state === 'installing'
                ? 'An install is running'
                : false
              : 'You may not reinstall this server'
          }
          onClick={() => setAsking('reinstall')}
        >
          Reinstall
        </Button>,
        'reinstall',
      )}
      {may('admin.server.suspend') &&
        row(
          server.suspended ? 'Suspended' : 'Suspend',
          server.suspended
            ? 'The server can’t be started until it is released.'
            : 'Stops the server and keeps it from being started. Files stay.',
          <Button look={server.suspended ? 'secondary' : 'danger'} onClick={() => void suspend()}>
            {server.suspended ? 'Release' : 'Suspend'}
          </Button>,
        )}
      {me &&
        !may('user.read') &&
        row(
          'Leave',
          'Gives up what was shared with you. Roles that you have are not touched by this.',
          <Button look="danger" onClick={() => setAsking('leave')}>
            Leave
          </Button>,
        )}
      {may('server.delete') &&
        row(
          'Delete',
          'Ends the game, removes its container and all of its files from the node.',
          <Button look="danger" onClick={() => setAsking('delete')}>
            Delete
          </Button>,
        )}
      <Confirm
        open={asking === 'reinstall'}
        onClose={() => setAsking(undefined)}
        title={`Reinstall ${server.name}?`}
        verb="Reinstall"
        typed={server.name}
        onConfirm={async () => {
          try {
            await must(
              api.POST('/servers/{server}/reinstall', {
                params: { path: { server: server.id } },
                body: { wipe },
              }),
            )
            await queryClient.invalidateQueries({ queryKey: keys.operations })
            await navigate({ to: '/servers/$server/install', params: { server: server.id }, search: {} })
          } catch (error) {
            toast.error('Not reinstalled', error)
            throw error
          }
        }}
      >
        The game stops, and the install script may replace its files.
        {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
        <label className="mt-3 flex items-center gap-2 text-t1">
          <Checkbox checked={wipe} onChange={(event) => setWipe(event.target.checked)} />
          Empty the folder first
        </label>
      </Confirm>
      <Confirm
        open={asking === 'leave'}
        onClose={() => setAsking(undefined)}
        title={`Leave ${server.name}?`}
        verb="Leave"
        onConfirm={async () => {
          try {
            await must(
              api.DELETE('/servers/{server}/users/{user}', {
                params: { path: { server: server.id, user: me?.id ?? '' } },
              }),
            )
            await navigate({ to: '/servers' })
            void queryClient.invalidateQueries({ queryKey: keys.servers })
          } catch (error) {
            toast.error('You have not left', error)
            throw error
          }
        }}
      >
        Only somebody who may give access here can let you in again.
      </Confirm>
      <Confirm
        open={asking === 'delete'}
        onClose={() => setAsking(undefined)}
        title={`Delete ${server.name}?`}
        verb="Delete"
        typed={server.name}
        onConfirm={async () => {
          try {
            await must(
              api.DELETE('/servers/{server}', {
                params: { path: { server: server.id }, query: { name: server.name } },
              }),
            )
            void queryClient.invalidateQueries({ queryKey: keys.operations })
            void queryClient.invalidateQueries({ queryKey: keys.servers })
            await navigate({ to: '/servers' })
            toast.done(`${server.name} is being deleted`)
          } catch (error) {
            toast.error('Not deleted', error)
            throw error
          }
        }}
      >
        All of its files go from {server.node.name}. This can't be undone.
      </Confirm>
    </Card>
  )
}
