import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Server } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'

const t = texts('server_settings')

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
      toast.error(t(server.suspended ? 'suspend.release_failed' : 'suspend.failed'), error)
    }
  }
  return (
    <Card>
      <CardHead title={t('danger')} />
      {row(
        t('reinstall'),
        t('reinstall.what'),
        <Button
          look="danger"
          off={
            may('settings.reinstall')
              ? server.state === 'installing'
                ? t('reinstall.running')
                : false
              : t('reinstall.may_not')
          }
          onClick={() => setAsking('reinstall')}
        >
          {t('reinstall')}
        </Button>,
        'reinstall',
      )}
      {may('admin.server.suspend') &&
        row(
          t(server.suspended ? 'suspended' : 'suspend'),
          server.suspended ? t('suspended.what') : t('suspend.what'),
          <Button look={server.suspended ? 'secondary' : 'danger'} onClick={() => void suspend()}>
            {t(server.suspended ? 'suspend.release' : 'suspend')}
          </Button>,
        )}
      {me &&
        !may('user.read') &&
        row(
          t('leave'),
          t('leave.what'),
          <Button look="danger" onClick={() => setAsking('leave')}>
            {t('leave')}
          </Button>,
        )}
      {may('server.delete') &&
        row(
          t('delete'),
          t('delete.what'),
          <Button look="danger" onClick={() => setAsking('delete')}>
            {t('delete')}
          </Button>,
        )}
      <Confirm
        open={asking === 'reinstall'}
        onClose={() => setAsking(undefined)}
        title={t('reinstall.title', { server: server.name })}
        verb={t('reinstall')}
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
            toast.error(t('reinstall.failed'), error)
            throw error
          }
        }}
      >
        {t('reinstall.note')}
        {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
        <label className="mt-3 flex items-center gap-2 text-t1">
          <Checkbox checked={wipe} onChange={(event) => setWipe(event.target.checked)} />
          {t('reinstall.wipe')}
        </label>
      </Confirm>
      <Confirm
        open={asking === 'leave'}
        onClose={() => setAsking(undefined)}
        title={t('leave.title', { server: server.name })}
        verb={t('leave')}
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
            toast.error(t('leave.failed'), error)
            throw error
          }
        }}
      >
        {t('leave.note')}
      </Confirm>
      <Confirm
        open={asking === 'delete'}
        onClose={() => setAsking(undefined)}
        title={t('delete.title', { server: server.name })}
        verb={t('delete')}
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
            toast.done(t('delete.done', { server: server.name }))
          } catch (error) {
            toast.error(t('delete.failed'), error)
            throw error
          }
        }}
      >
        {t('delete.note', { node: server.node.name })}
      </Confirm>
    </Card>
  )
}
