import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { Trash2 } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { allocationsQuery, nodeQuery } from '~/api/nodes'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { serversOnNodeQuery } from '~/api/server-lists'
import type { Allocation } from '~/api/types'
import { Page } from '~/components/page-head'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Address } from '~/ui/copy-box'
import { Field, Input } from '~/ui/field'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'

import { playerAddress, portCount } from '~/util/ports'

const t = texts('node')

export function NodeAllocationsPage() {
  const { node: id } = useParams({ from: '/app/nodes/$node/allocations' })
  const { data: node } = useQuery(nodeQuery(id))
  const allocations = useQuery(allocationsQuery(id))
  const servers = useQuery(serversOnNodeQuery(id))
  const shownHost = node?.player_address ?? node?.host.addresses[0]
  const names = new Map(servers.data?.map((s) => [s.id, s.name]))
  const all = [...(allocations.data ?? [])].sort((a, b) => a.port - b.port || a.ip.localeCompare(b.ip))
  const [onlyUsed, setOnlyUsed] = useState(true)
  const shown = onlyUsed ? all.filter((a) => a.server || a.taken_by) : all
  const drop = useMutation({
    mutationFn: (allocation: string) =>
      must(api.DELETE('/nodes/{node}/allocations/{id}', { params: { path: { node: id, id: allocation } } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.allocations(id) }),
    onError: (error) => toast.error(t('ports.remove_failed'), error),
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
            <CardHead title={t('ports')} note={shown.length}>
              <Button size="sm" aria-pressed={!onlyUsed} onClick={() => setOnlyUsed(!onlyUsed)}>
                {t(onlyUsed ? 'ports.show_free' : 'ports.only_used')}
              </Button>
            </CardHead>
            {allocations.isPending && <SkeletonRows rows={5} height="h-10" />}
            {allocations.data && shown.length === 0 && (
              <Empty title={t(all.length === 0 ? 'ports.none' : 'ports.none_used')}>
                {t(all.length === 0 ? 'ports.none_do' : 'ports.none_used_why')}
              </Empty>
            )}
            {shown.length > 0 && (
              <table className="tbl one">
                <thead>
                  <tr>
                    <th>{t('ports.address')}</th>
                    <th>{t('ports.server')}</th>
                    <th>
                      <span className="sr-only">{t('ports.actions')}</span>
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
                            {!a.primary && <span className="text-t3"> {t('ports.extra')}</span>}
                          </Link>
                        ) : a.taken_by ? (
                          <span className="text-warn-fg max-sm:whitespace-normal">
                            {t('ports.held', { holder: a.taken_by })}
                          </span>
                        ) : (
                          <span className="text-t3">{t('ports.free')}</span>
                        )}
                      </td>
                      <td className="r">
                        <Button
                          size="sm"
                          look="quiet"
                          iconOnly
                          icon={Trash2}
                          off={a.server ? t('ports.has_server') : false}
                          busy={drop.isPending && drop.variables === a.id}
                          onClick={() => drop.mutate(a.id)}
                          aria-label={t('ports.remove', { port: a.port })}
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
      <CardHead title={t('map')} note={<span className="mono text-12">{ranges(all)}</span>}>
        <span className="num flex flex-wrap gap-3 text-12 text-t2">
          <Legend className="bg-chart-2" text={t('map.used', { n: used })} />
          <Legend className="bg-track" text={t('map.free', { n: all.length - used - taken })} />
          {taken > 0 && (
            <Legend className="border border-dashed border-line-3" text={t('map.taken', { n: taken })} />
          )}
        </span>
      </CardHead>
      <div aria-hidden="true" className="grid grid-cols-[repeat(25,minmax(0,1fr))] gap-[3px] px-4 py-3.5">
        {all.slice(0, 500).map((a) => (
          <span
            key={a.id}
            title={cellText(a, names)}
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

function cellText({ port, server, taken_by: holder }: Allocation, names: Map<string, string>): string {
  if (server) return `${port} ${names.get(server) ?? ''}`
  return holder ? t('map.one_taken', { port, holder }) : t('map.one_free', { port })
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
  const first = parts.slice(0, 3).map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`))
  const text = first.join(', ')
  return parts.length > 3 ? t('map.more', { ranges: text, n: parts.length - 3 }) : text
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
      toast.done(t('ports.added'))
    },
  })
  const problem = add.error ? asProblem(add.error) : undefined
  const amount = portCount(ports)
  return (
    <Card>
      <CardHead title={t('ports.add_title')} />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (amount) add.mutate()
        }}
      >
        <Field
          label={t('ports')}
          help={amount ? t('ports.count', { n: amount }) : t('ports.form')}
          error={problem?.fields.ports ?? (ports !== '' && !amount ? t('ports.form') : undefined)}
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
          label={t('ports.ip')}
          note={t('optional')}
          help={
            addresses.length > 0
              ? t('ports.ip_every_of', { addresses: addresses.join(', ') })
              : t('ports.ip_every')
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
        <Button type="submit" look="primary" busy={add.isPending} off={amount ? false : t('ports.needed')}>
          {t('ports.add')}
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
      toast.done(t('players.saved'))
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  return (
    <Card>
      <CardHead title={t('players')} />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Field
          label={t('ports.address')}
          help={seen[0] ? t('players.help_has', { addresses: seen.join(', ') }) : t('players.help')}
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
        <Button type="submit" busy={save.isPending} off={address.trim() === value ? t('unchanged') : false}>
          {t('save')}
        </Button>
      </form>
    </Card>
  )
}
