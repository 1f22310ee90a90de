import { useMutation, useQuery } from '@tanstack/react-query'
import { Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { sessionQuery } from '~/api/queries'
import { changePorts } from '~/api/server-ports'
import type { Server, ServerPort } from '~/api/types'
import { PortAddDialog } from '~/forms/port-add'
import { PortAliasDialog } from '~/forms/port-alias'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Address } from '~/ui/copy'
import { Confirm } from '~/ui/dialog'
import { Empty } from '~/ui/wait'
import { addOff, giveBackOff, makePrimaryOff } from '~/util/port-rules'
import { playerAddress } from '~/util/ports'

const ALSO: Record<string, string> = { node: 'by the node’s name', public: 'from outside', lan: 'in its LAN' }

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
        `Port ${port.port} is primary`,
        server.state === 'running' ? 'The game knows from its next start on.' : undefined,
      ),
    onError: (error) => toast.error('Not made primary', error),
  })
  async function giveBack(port: ServerPort) {
    try {
      await changePorts(server, { remove: [port.id] })
    } catch (error) {
      toast.error(`Port ${port.port} was not given back`, error)
      throw error
    }
    toast.show({
      kind: 'done',
      title: `Port ${port.port} is given back`,
      action: addOff(server) === false ? { label: 'Undo', act: () => void regain(port) } : undefined,
    })
  }
  async function regain({ port, ip }: ServerPort) {
    try {
      await changePorts(server, { add: [{ port, ip }] })
      toast.done(`Port ${port} is this server’s again`)
    } catch (error) {
      toast.error(`Port ${port} is gone`, error)
    }
  }
  return (
    <Card>
      <div id="ports">
        <CardHead title="Ports" note={server.allocations.length}>
          <Button size="sm" icon={Plus} off={addOff(server)} onClick={() => setAdding(true)}>
            Add port
          </Button>
        </CardHead>
      </div>
      {server.allocations.length === 0 && (
        <Empty title="No port">Nobody can reach the game. Add one: players are sent there.</Empty>
      )}
      <ul aria-label="Ports">
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
                    Make primary
                  </Button>
                )}
                {mayName && (
                  <Button
                    size="sm"
                    look="quiet"
                    iconOnly
                    icon={Pencil}
                    onClick={() => setNaming(port)}
                    aria-label={`Change the alias of port ${port.port}`}
                    title="Change the alias"
                  />
                )}
                <Button
                  size="sm"
                  look="quiet"
                  iconOnly
                  icon={Trash2}
                  off={giveBackOff(server, port)}
                  onClick={() => setLeaving(port)}
                  aria-label={`Give port ${port.port} back`}
                  title="Give it back"
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
        title={`Give port ${leaving?.port} back?`}
        verb="Give back"
        onConfirm={() => (leaving ? giveBack(leaving) : undefined)}
      >
        {server.node.name} may hand it to another server from then on, and nobody reaches this one by it.
      </Confirm>
    </Card>
  )
}

function Row({ server, port, actions }: { server: Server; port: ServerPort; actions: React.ReactNode }) {
  const [best, ...others] = port.addresses
  const every = port.ip === '0.0.0.0' || port.ip === '::'
  const facts = [
    every ? `every address of ${server.node.name}` : `${port.ip} of ${server.node.name}`,
    ...others.map(({ kind, display }) => `${display} ${ALSO[kind] ?? ''}`.trim()),
  ]
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-4 py-2.5 first:border-0">
      <div className="min-w-0 flex-1 basis-52">
        <div className="flex min-h-6 flex-wrap items-center gap-x-2">
          <Address text={best?.display ?? playerAddress(port, server.address?.host)} strong />
          {port.primary && <Tag>primary</Tag>}
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
            held by {port.taken_by} on {server.node.name}: the game can’t open it until that lets go
          </div>
        )}
      </div>
      <span className="ml-auto flex items-center gap-1">{actions}</span>
    </li>
  )
}
