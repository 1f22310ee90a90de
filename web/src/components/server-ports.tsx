import { useMutation, useQuery } from '@tanstack/react-query'
import { Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { sessionQuery } from '~/api/queries'
import { changePorts } from '~/api/server-ports'
import type { Server, ServerPort } from '~/api/types'
import { PortAddDialog } from '~/forms/port-add'
import { PortAliasDialog } from '~/forms/port-alias'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Address } from '~/ui/copy-box'
import { Confirm } from '~/ui/dialog'
import { Empty } from '~/ui/wait'
import { addOff, giveBackOff, makePrimaryOff } from '~/util/port-rules'
import { playerAddress } from '~/util/ports'

const t = texts('server_settings')

/** Where players go, and what else of the server listens. */
export function ServerPorts({ server }: { server: Server }) {
  const session = useQuery(sessionQuery)
  const mayName = session.data?.permissions.includes('node.update') ?? false
  const [adding, setAdding] = useState(false)
  const [naming, setNaming] = useState<ServerPort>()
  const [leaving, setLeaving] = useState<ServerPort>()
  const first = useMutation({
    mutationFn: (port: ServerPort) => changePorts(server, { primary: port.id }),
    onSuccess: (_fresh, port) =>
      toast.done(
        t('ports.primary_done', { port: port.port }),
        server.state === 'running' ? t('ports.primary_later') : undefined,
      ),
    onError: (error) => toast.error(t('ports.primary_failed'), error),
  })
  async function giveBack(port: ServerPort) {
    try {
      await changePorts(server, { remove: [port.id] })
    } catch (error) {
      toast.error(t('ports.back_failed', { port: port.port }), error)
      throw error
    }
    toast.show({
      kind: 'done',
      title: t('ports.back_done', { port: port.port }),
      action: addOff(server) === false ? { label: t('ports.undo'), act: () => void regain(port) } : undefined,
    })
  }
  async function regain({ port, ip }: ServerPort) {
    try {
      await changePorts(server, { add: [{ port, ip }] })
      toast.done(t('ports.regained', { port }))
    } catch (error) {
      toast.error(t('ports.gone', { port }), error)
    }
  }
  return (
    <Card>
      <div id="ports">
        <CardHead title={t('ports')} note={server.allocations.length}>
          <Button size="sm" icon={Plus} off={addOff(server)} onClick={() => setAdding(true)}>
            {t('ports.add')}
          </Button>
        </CardHead>
      </div>
      {server.allocations.length === 0 && <Empty title={t('ports.none')}>{t('ports.none_note')}</Empty>}
      <ul aria-label={t('ports')}>
        {server.allocations.map((port) => (
          <Row
            key={port.id}
            server={server}
            port={port}
            actions={
              <>
                {!port.primary && (
                  <Button
                    size="sm"
                    off={makePrimaryOff(server)}
                    busy={first.isPending && first.variables.id === port.id}
                    onClick={() => first.mutate(port)}
                  >
                    {t('ports.make_primary')}
                  </Button>
                )}
                {mayName && (
                  <Button
                    size="sm"
                    look="quiet"
                    iconOnly
                    icon={Pencil}
                    onClick={() => setNaming(port)}
                    aria-label={t('ports.alias_of', { port: port.port })}
                    title={t('ports.alias')}
                  />
                )}
                <Button
                  size="sm"
                  look="quiet"
                  iconOnly
                  icon={Trash2}
                  off={giveBackOff(server, port)}
                  onClick={() => setLeaving(port)}
                  aria-label={t('ports.back_of', { port: port.port })}
                  title={t('ports.back')}
                />
              </>
            }
          />
        ))}
      </ul>
      <PortAddDialog server={server} open={adding} onClose={() => setAdding(false)} />
      <PortAliasDialog server={server} port={naming} onClose={() => setNaming(undefined)} />
      <Confirm
        open={leaving !== undefined}
        onClose={() => setLeaving(undefined)}
        title={t('ports.back_title', { port: leaving?.port ?? '' })}
        verb={t('ports.back_verb')}
        onConfirm={() => (leaving ? giveBack(leaving) : undefined)}
      >
        {t('ports.back_note', { node: server.node.name })}
      </Confirm>
    </Card>
  )
}

function Row({ server, port, actions }: { server: Server; port: ServerPort; actions: React.ReactNode }) {
  const [best, ...others] = port.addresses
  const every = port.ip === '0.0.0.0' || port.ip === '::'
  const facts = [
    every
      ? t('ports.every', { node: server.node.name })
      : t('ports.one', { ip: port.ip, node: server.node.name }),
    ...others.map(({ kind, display }) =>
      kind === 'node' || kind === 'public' || kind === 'lan'
        ? t(`ports.also.${kind}`, { address: display })
        : display,
    ),
  ]
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-4 py-2.5 first:border-0">
      <div className="min-w-0 flex-1 basis-52">
        <div className="flex min-h-6 flex-wrap items-center gap-x-2">
          <Address text={best?.display ?? playerAddress(port, server.address?.host)} strong />
          {port.primary && <Tag>{t('ports.primary')}</Tag>}
        </div>
        <div className="flex flex-wrap gap-x-1.5 text-12 text-t3">
          {facts.map((fact, at) => (
            <span key={fact} className="[overflow-wrap:anywhere]">
              {fact}
              {at < facts.length - 1 && ' ·'}
            </span>
          ))}
        </div>
        {port.taken_by && (
          <div className="text-12 text-warn-fg">
            {t('ports.taken', { by: port.taken_by, node: server.node.name })}
          </div>
        )}
      </div>
      <span className="ml-auto flex items-center gap-1">{actions}</span>
    </li>
  )
}
