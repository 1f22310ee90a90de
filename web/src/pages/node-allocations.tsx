import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { Trash2 } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { allocationsQuery, keys, nodeQuery, queryClient, serversQuery } from '~/api/queries'
import type { Allocation } from '~/api/types'
import { Page } from '~/components/page-head'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Address } from '~/ui/copy'
import { Field, Input } from '~/ui/field'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { plural } from '~/util/format'
import { playerAddress, portCount } from '~/util/ports'

export function NodeAllocationsPage() {
  const { node: id } = useParams({ from: '/app/nodes/$node/allocations' })
  const { data: node } = useQuery(nodeQuery(id))
  const allocations = useQuery(allocationsQuery(id))
  const servers = useQuery(serversQuery)
  const shownHost = node?.player_address ?? node?.host.addresses[0]
  const names = new Map(servers.data?.map((s) => [s.id, s.name]))
  const all = [...(allocations.data ?? [])].sort((a, b) => a.port - b.port || a.ip.localeCompare(b.ip))
  const [onlyUsed, setOnlyUsed] = useState(true)
  const shown = onlyUsed ? all.filter((a) => a.server || a.taken_by) : all
  const drop = useMutation({
    mutationFn: (allocation: string) =>
      must(api.DELETE('/nodes/{node}/allocations/{id}', { params: { path: { node: id, id: allocation } } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.allocations(id) }),
    onError: (error) => toast.error('Not removed', error),
  })
  if (allocations.isError) {
    return (
      <Page>
        <ProblemView error={allocations.error} onRetry={() => void allocations.refetch()} />
      </Page>
    )
  }
  return (
    <Page>
      <div className="grid grid-cols-[minmax(0,1fr)_356px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          <PortMap all={all} names={names} />
          <Card className="overflow-x-auto">
            <CardHead title="Ports" note={shown.length}>
              <Button size="sm" aria-pressed={!onlyUsed} onClick={() => setOnlyUsed(!onlyUsed)}>
                {onlyUsed ? 'Show free ones too' : 'Only those in use'}
              </Button>
            </CardHead>
            {allocations.isPending && <SkeletonRows rows={5} height="h-10" />}
            {allocations.data && shown.length === 0 && (
              <Empty title={all.length === 0 ? 'No port yet' : 'None in use'}>
                {all.length === 0
                  ? 'Add a range on the right.'
                  : 'Servers take the first free port of the range.'}
              </Empty>
            )}
            {shown.length > 0 && (
              <table className="tbl one">
                <thead>
                  <tr>
                    <th>Address</th>
                    <th>Server</th>
                    <th>
                      <span className="sr-only">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map((a) => (
                    <tr key={a.id}>
                      <td>
                        <Address text={playerAddress(a, shownHost)} hideCopy />
                      </td>
                      <td>
                        {a.server ? (
                          <Link
                            to="/servers/$server"
                            params={{ server: a.server }}
                            className="fills-cell hover:text-accent max-sm:whitespace-normal"
                          >
                            {names.get(a.server) ?? <span className="mono text-12">{a.server}</span>}
                            {!a.primary && <span className="text-t3"> extra</span>}
                          </Link>
                        ) : a.taken_by ? (
                          <span className="text-warn-fg max-sm:whitespace-normal">held by {a.taken_by}</span>
                        ) : (
                          <span className="text-t3">free</span>
                        )}
                      </td>
                      <td className="r">
                        <Button
                          size="sm"
                          look="quiet"
                          iconOnly
                          icon={Trash2}
                          off={a.server ? 'A server has it' : false}
                          busy={drop.isPending && drop.variables === a.id}
                          onClick={() => drop.mutate(a.id)}
                          aria-label={`Remove port ${a.port}`}
                        />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Card>
        </div>
        <div className="flex flex-col gap-4">
          <AddPorts node={id} addresses={node?.host.addresses ?? []} />
          {node && (
            <PlayerAddress
              key={node.player_address}
              node={id}
              value={node.player_address ?? ''}
              seen={node.host.addresses}
            />
          )}
        </div>
      </div>
    </Page>
  )
}

/** Every port as a cell: used, free, or held by something else. */
function PortMap({ all, names }: { all: Allocation[]; names: Map<string, string> }) {
  const used = all.filter((a) => a.server).length
  const taken = all.filter((a) => !a.server && a.taken_by).length
  if (all.length === 0) return null
  return (
    <Card>
      <CardHead title="Allocations" note={<span className="mono text-12">{ranges(all)}</span>}>
        <span className="num flex flex-wrap gap-3 text-12 text-t2">
          <Legend className="bg-chart-2" text={`${used} used`} />
          <Legend className="bg-track" text={`${all.length - used - taken} free`} />
          {taken > 0 && (
            <Legend className="border border-dashed border-line-3" text={`${taken} taken by the host`} />
          )}
        </span>
      </CardHead>
      <div aria-hidden="true" className="grid grid-cols-[repeat(25,minmax(0,1fr))] gap-[3px] px-4 py-3.5">
        {all.slice(0, 500).map((a) => (
          <span
            key={a.id}
            title={`${a.port}${a.server ? ` ${names.get(a.server) ?? ''}` : a.taken_by ? ` taken by ${a.taken_by}` : ' free'}`}
            className={cx(
              'h-3 rounded-[2px]',
              a.server ? 'bg-chart-2' : a.taken_by ? 'border border-dashed border-line-3' : 'bg-track',
            )}
          />
        ))}
      </div>
    </Card>
  )
}

function Legend({ className, text }: { className: string; text: string }) {
  return (
    <span className="flex items-center gap-1.5 whitespace-nowrap">
      <span className={cx('size-2.5 rounded-[2px]', className)} />
      {text}
    </span>
  )
}

function ranges(all: Allocation[]): string {
  const parts: Array<[number, number]> = []
  for (const { port } of all) {
    const last = parts.at(-1)
    if (last && port - last[1] <= 1) last[1] = port
    else parts.push([port, port])
  }
  const text = parts.slice(0, 3).map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`))
  return text.join(', ') + (parts.length > 3 ? ` and ${parts.length - 3} more` : '')
}

function AddPorts({ node, addresses }: { node: string; addresses: string[] }) {
  const [ports, setPorts] = useState('')
  const [ip, setIp] = useState('')
  const add = useMutation({
    mutationFn: () =>
      must(
        api.POST('/nodes/{node}/allocations', {
          params: { path: { node } },
          body: { ports, ...(ip ? { ip } : {}) },
        }),
      ),
    onSuccess: async () => {
      setPorts('')
      await queryClient.invalidateQueries({ queryKey: keys.allocations(node) })
      toast.done('Ports added')
    },
  })
  const problem = add.error ? asProblem(add.error) : undefined
  const amount = portCount(ports)
  return (
    <Card>
      <CardHead title="Add ports" />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (amount) add.mutate()
        }}
      >
        <Field
          label="Ports"
          help={amount ? plural(amount, 'port') : 'As 25565-25600, 27015'}
          error={problem?.fields.ports ?? (ports !== '' && !amount ? 'As 25565-25600, 27015' : undefined)}
        >
          {(ids) => (
            <Input
              {...ids}
              code
              value={ports}
              placeholder="25565-25600, 27015"
              onChange={(event) => setPorts(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Address on the machine"
          note="optional"
          help={
            addresses.length > 0
              ? `Every address if empty; it has ${addresses.join(', ')}`
              : 'Every address if empty'
          }
          error={problem?.fields.ip}
        >
          {(ids) => (
            <Input
              {...ids}
              code
              value={ip}
              placeholder="0.0.0.0"
              onChange={(event) => setIp(event.target.value)}
            />
          )}
        </Field>
        {problem && Object.keys(problem.fields).length === 0 && <FormProblem error={problem} />}
        <Button type="submit" look="primary" busy={add.isPending} off={amount ? false : 'Ports are needed'}>
          Add
        </Button>
      </form>
    </Card>
  )
}

function PlayerAddress({ node, value, seen }: { node: string; value: string; seen: string[] }) {
  const [address, setAddress] = useState(value)
  const save = useMutation({
    mutationFn: () =>
      must(
        api.PATCH('/nodes/{node}', { params: { path: { node } }, body: { player_address: address.trim() } }),
      ),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.node(node) })
      void queryClient.invalidateQueries({ queryKey: keys.servers })
      toast.done('Address for players saved')
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  return (
    <Card>
      <CardHead title="Address for players" />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Field
          label="Address"
          help={`Shown with every server of this node: public, LAN or a name.${seen[0] ? ` The machine has ${seen.join(', ')}.` : ''}`}
          error={problem?.fields.player_address ?? problem?.message}
        >
          {(ids) => (
            <Input
              {...ids}
              code
              value={address}
              placeholder={seen[0]}
              onChange={(event) => setAddress(event.target.value)}
            />
          )}
        </Field>
        <Button
          type="submit"
          busy={save.isPending}
          off={address.trim() === value ? 'Nothing has changed' : false}
        >
          Save
        </Button>
      </form>
    </Card>
  )
}
