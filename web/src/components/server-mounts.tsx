import { useMutation, useQuery } from '@tanstack/react-query'
import { TriangleAlert } from 'lucide-react'
import { api, must } from '~/api/client'
import { serverMountsQuery } from '~/api/mounts'
import { queryClient, serverQuery } from '~/api/queries'
import type { Server, ServerMount } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Switch, Tag } from '~/ui/bits'
import { visible } from '~/util/visible'

const t = texts('server_mounts')

/** Directories of the node that the game sees; nothing is said of them where there is none to see or to switch. */
export function ServerMounts({ server }: { server: Server }) {
  const seen = server.permissions.includes('startup.read')
  const mounts = useQuery({ ...serverMountsQuery(server.id), enabled: seen })
  const flip = useMutation({
    mutationFn: (mount: ServerMount) => {
      const params = { params: { path: { server: server.id, mount: mount.id } } }
      return mount.on
        ? must(api.DELETE('/servers/{server}/mounts/{mount}', params)).then(() => undefined)
        : must(api.PUT('/servers/{server}/mounts/{mount}', params)).then(() => undefined)
    },
    onSuccess: (_none, { name, on }) => {
      const up = server.state === 'running' || server.state === 'starting'
      const later = on ? t('next_start_off') : t('next_start')
      toast.done(t(on ? 'off' : 'on', { name }), up ? later : undefined)
    },
    onError: (error, { name }) => toast.error(t('failed', { name }), error),
    onSettled: () =>
      Promise.all([
        queryClient.invalidateQueries({ queryKey: serverMountsQuery(server.id).queryKey }),
        queryClient.invalidateQueries({ queryKey: serverQuery(server.id).queryKey }),
      ]),
  })
  if (mounts.isError)
    return (
      <Card className="p-4">
        <ProblemView error={mounts.error} onRetry={() => void mounts.refetch()} />
      </Card>
    )
  if (!mounts.data || mounts.data.length === 0) return null
  return (
    <Card>
      <div id="mounts">
        <CardHead title={t('title')} note={t('note')} />
      </div>
      <p className="px-4 pt-3 pb-1 text-t2">{t('what')}</p>
      <ul aria-label={t('list')}>
        {mounts.data.map((mount) => (
          <Row
            key={mount.id}
            mount={mount}
            busy={flip.isPending && flip.variables.id === mount.id}
            onFlip={() => flip.mutate(mount)}
          />
        ))}
      </ul>
    </Card>
  )
}

function Row({ mount, busy, onFlip }: { mount: ServerMount; busy: boolean; onFlip: () => void }) {
  return (
    <li className="flex items-center gap-3 border-t border-line px-4 py-2.5 first:border-0">
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-x-2">
          <span className="min-w-0 truncate font-medium">{mount.name}</span>
          {mount.read_only && <Tag>{t('read_only')}</Tag>}
        </div>
        {mount.description && (
          <div className="text-12 text-t3 [overflow-wrap:anywhere]">{visible(mount.description)}</div>
        )}
        <div className="flex flex-wrap gap-x-3 text-12 text-t3 [overflow-wrap:anywhere]">
          <span>{t.rich('at', { path: <Path>{mount.target}</Path> })}</span>
          {mount.source && <span>{t.rich('from', { path: <Path>{mount.source}</Path> })}</span>}
        </div>
        {!mount.allowed && <Warning>{t('refused')}</Warning>}
        {mount.on && !mount.offered && <Warning>{t('no_longer')}</Warning>}
        {mount.on && !mount.switchable && <div className="text-12 text-t3">{t('staff')}</div>}
      </div>
      <Switch
        label={t('switch', { name: mount.name })}
        checked={mount.on}
        disabled={!mount.switchable || busy}
        onChange={onFlip}
      />
    </li>
  )
}

function Path({ children }: { children: string }) {
  return <span className="mono">{visible(children)}</span>
}

function Warning({ children }: { children: string }) {
  return (
    <div className="flex gap-1.5 text-12 text-warn-fg">
      <TriangleAlert aria-hidden="true" size={12} className="mt-0.5 shrink-0" />
      {children}
    </div>
  )
}
