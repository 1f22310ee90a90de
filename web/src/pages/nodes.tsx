import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { api, must } from '~/api/client'
import { keys, nodesQuery, queryClient, tokensQuery } from '~/api/queries'
import type { Node } from '~/api/types'
import { JoinCard } from '~/components/join-card'
import { JoinDialog } from '~/components/join-dialog'
import { Locations } from '~/components/locations'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { useLocationNames } from '~/hooks/use-location-names'
import { useMay } from '~/hooks/use-may'
import { usePage } from '~/stores/page'
import { toast } from '~/stores/toasts'
import { Badge, type Shape } from '~/ui/badge'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Bar } from '~/ui/spark'
import { Ago, Since } from '~/ui/time'
import { SkeletonRows } from '~/ui/wait'
import { ofText, plural, trimmed } from '~/util/format'
import { type Family, nodeShown } from '~/util/state'

export const NODE_SHAPES: Record<Family, Shape> = {
  run: 'running',
  warn: 'look',
  fail: 'crashed',
  move: 'installing',
  stop: 'stopped',
}

export function NodeBadge({ node, plain = false }: { node: Node; plain?: boolean }) {
  const shown = nodeShown(node)
  return (
    <Badge
      family={shown.family}
      shape={node.state === 'offline' ? 'unreachable' : NODE_SHAPES[shown.family]}
      plain={plain}
    >
      {shown.word}
    </Badge>
  )
}

export function NodesPage() {
  const { join } = useSearch({ from: '/app/nodes' })
  const navigate = useNavigate({ from: '/nodes' })
  const nodes = useQuery(nodesQuery)
  const { may } = useMay()
  usePage('Nodes')
  const setJoin = (open: boolean) => void navigate({ search: open ? { join: true } : {}, replace: true })
  const sorted = [...(nodes.data ?? [])].sort((a, b) =>
    a.name.localeCompare(b.name, undefined, { numeric: true }),
  )
  return (
    <Page>
      <PageHead title="Nodes" note={nodes.data?.length}>
        <Button
          look="primary"
          icon={Plus}
          off={may('node.create') ? false : 'You may not add nodes'}
          onClick={() => setJoin(true)}
        >
          Add node
        </Button>
      </PageHead>
      {nodes.isError && <ProblemView error={nodes.error} onRetry={() => void nodes.refetch()} />}
      {nodes.isPending && (
        <Card>
          <SkeletonRows rows={3} height="h-[52px]" />
        </Card>
      )}
      {nodes.data?.length === 0 && (
        <div className="max-w-185">
          <p className="mb-4 text-t2">
            A node is any Linux machine with root: a rented server, a mini PC at home, behind NAT or not.
          </p>
          <JoinCard />
        </div>
      )}
      {sorted.length > 0 && (
        <>
          <NodeTable nodes={sorted} />
          <NodeCards nodes={sorted} />
        </>
      )}
      {sorted.length > 0 && <Locations />}
      <Tokens />
      <JoinDialog open={join === true} onClose={() => setJoin(false)} />
    </Page>
  )
}

interface Share {
  share: number
  text: string
}

function shares(node: Node): { cpu?: Share; memory?: Share; disk?: Share } {
  const { load } = node
  if (node.state !== 'online' || !load) return {}
  const cores = load.cpu_percent / 100
  return {
    cpu: { share: cores / node.host.cpus, text: `${trimmed(cores)} of ${node.host.cpus}` },
    memory: {
      share: load.memory_used_bytes / load.memory_total_bytes,
      text: ofText(load.memory_used_bytes, load.memory_total_bytes),
    },
    disk: {
      share: load.disk_used_bytes / load.disk_total_bytes,
      text: ofText(load.disk_used_bytes, load.disk_total_bytes),
    },
  }
}

function Capacity({ value, word }: { value: Share | undefined; word: string }) {
  if (!value) return <span className="text-t3">no data</span>
  const percent = Math.round(value.share * 100)
  const near = value.share >= 0.9
  return (
    <div className="num w-38">
      <div className="flex justify-between gap-1 text-12">
        <span className={near ? 'text-warn-fg' : ''}>{percent} %</span>
        <span className="text-t3">{value.text}</span>
      </div>
      <div className="mt-1">
        <Bar share={value.share} look={near ? 'warn' : 'use'} label={`${word} ${percent} %`} />
      </div>
    </div>
  )
}

function StateLine({ node }: { node: Node }) {
  const shown = nodeShown(node)
  const pending = node.pending_changes > 0 ? `${plural(node.pending_changes, 'change')} pending` : ''
  if (node.state === 'offline') {
    return (
      <>
        for <Since at={node.since} />
        {pending && `, ${pending}`}
      </>
    )
  }
  return <>{[shown.note, pending].filter(Boolean).join(', ')}</>
}

function NodeTable({ nodes }: { nodes: Node[] }) {
  const navigate = useNavigate()
  const places = useLocationNames()
  return (
    <div className="overflow-x-auto rounded-box border border-line bg-surface max-sm:hidden">
      <table className="tbl [&_td]:h-[52px]!">
        <thead>
          <tr>
            <th>Name</th>
            <th>State</th>
            <th>CPU</th>
            <th>Memory</th>
            <th>Disk</th>
            <th className="r">Servers</th>
            <th className="r">Heartbeat</th>
            <th className="r">Round trip</th>
            <th>Agent</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => {
            const share = shares(node)
            const shown = nodeShown(node)
            const quiet = shown.family === 'run' && node.pending_changes === 0
            return (
              <tr
                key={node.id}
                className="cursor-pointer"
                onClick={(event) => {
                  if ((event.target as HTMLElement).closest('a, button')) return
                  void navigate({ to: '/nodes/$node', params: { node: node.id } })
                }}
              >
                <td>
                  <Link
                    to="/nodes/$node"
                    params={{ node: node.id }}
                    className="fills-cell block leading-[18px] font-medium hover:text-accent"
                  >
                    {node.name}
                  </Link>
                  <div className="text-12 text-t3">
                    {[
                      node.location && places.get(node.location),
                      node.player_address || node.host.addresses[0] || node.host.hostname,
                    ]
                      .filter(Boolean)
                      .join(' · ')}
                  </div>
                </td>
                <td className="max-w-50">
                  <div className="leading-[18px]">
                    <NodeBadge node={node} plain />
                  </div>
                  {!quiet && (
                    <div className="truncate pl-5 text-12 text-t3" title={shown.note}>
                      <StateLine node={node} />
                    </div>
                  )}
                </td>
                <td>
                  <Capacity value={share.cpu} word="CPU" />
                </td>
                <td>
                  <Capacity value={share.memory} word="Memory" />
                </td>
                <td>
                  <Capacity value={share.disk} word="Disk" />
                </td>
                <td className="r">
                  {node.servers.running}
                  <span className="text-t3"> / {node.servers.total}</span>
                </td>
                <td className={`r ${node.state === 'offline' ? 'text-warn-fg' : 'text-t2'}`}>
                  {node.last_seen_at ? <Since at={node.last_seen_at} /> : 'never'}
                </td>
                <td className="r text-t2">
                  {node.state === 'online' && node.rtt_ms != null ? (
                    `${Math.round(node.rtt_ms)} ms`
                  ) : (
                    <span className="text-t3">none</span>
                  )}
                </td>
                <td className="text-t2">{node.host.agent_version}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function NodeCards({ nodes }: { nodes: Node[] }) {
  const places = useLocationNames()
  return (
    <ul className="flex flex-col gap-2 sm:hidden">
      {nodes.map((node) => {
        const share = shares(node)
        return (
          <li key={node.id} className="relative rounded-box border border-line bg-surface p-3">
            <div className="flex items-center gap-2">
              <Link
                to="/nodes/$node"
                params={{ node: node.id }}
                className="flex-1 truncate text-14 font-medium after:absolute after:inset-0"
              >
                {node.name}
              </Link>
              <NodeBadge node={node} />
            </div>
            <div className="num mt-0.5 text-12 text-t3">
              {node.location && places.has(node.location) && `${places.get(node.location)} · `}
              {node.servers.running} of {plural(node.servers.total, 'server')} running
            </div>
            {share.cpu && (
              <div className="num mt-2 grid grid-cols-3 gap-3 text-12">
                {(['cpu', 'memory', 'disk'] as const).map((key) => {
                  const value = share[key]
                  const word = { cpu: 'CPU', memory: 'Memory', disk: 'Disk' }[key]
                  return (
                    <div key={key}>
                      <div className="mb-1 flex justify-between text-t3">
                        {word} <span className="text-t1">{Math.round((value?.share ?? 0) * 100)} %</span>
                      </div>
                      <Bar
                        share={value?.share ?? 0}
                        look={(value?.share ?? 0) >= 0.9 ? 'warn' : 'use'}
                        label={`${word} ${Math.round((value?.share ?? 0) * 100)} %`}
                      />
                    </div>
                  )
                })}
              </div>
            )}
          </li>
        )
      })}
    </ul>
  )
}

function Tokens() {
  const tokens = useQuery(tokensQuery)
  const { data: nodes } = useQuery(nodesQuery)
  const names = new Map(nodes?.map((node) => [node.id, node.name]))
  const open = (tokens.data ?? []).filter((t) => t.uses_left > 0 && Date.parse(t.expires_at) > Date.now())
  const revoke = useMutation({
    mutationFn: (id: string) => must(api.DELETE('/nodes/tokens/{id}', { params: { path: { id } } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.tokens }),
    onError: (error) => toast.error('Not revoked', error),
  })
  if (open.length === 0) return null
  return (
    <Card className="mt-6">
      <CardHead title="Open join tokens" note={open.length} />
      <ul>
        {open.map((token) => (
          <li
            key={token.id}
            className="flex min-h-11 items-center gap-3 border-t border-line px-4 first:border-0"
          >
            <span className="min-w-0 flex-1 truncate">
              {token.name || <span className="mono text-12 text-t2">{token.id}</span>}
              {token.node && (
                <span className="text-t3"> takes {names.get(token.node) ?? token.node} back</span>
              )}
            </span>
            <span className="num text-12 text-t3">
              {plural(token.uses_left, 'use')} left, ends <Ago at={token.expires_at} />
            </span>
            <Button
              size="sm"
              look="danger"
              busy={revoke.isPending && revoke.variables === token.id}
              onClick={() => revoke.mutate(token.id)}
            >
              Revoke
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  )
}
