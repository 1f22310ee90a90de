import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { api, must } from '~/api/client'
import { tokensQuery } from '~/api/nodes'
import { keys, nodesQuery, queryClient } from '~/api/queries'
import type { Node } from '~/api/types'
import { JoinCard } from '~/components/join-card'
import { JoinDialog } from '~/components/join-dialog'
import { Locations } from '~/components/locations'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { useLocationNames } from '~/hooks/use-location-names'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { toast } from '~/stores/toasts'
import { Badge, type Shape } from '~/ui/badge'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Bar } from '~/ui/spark'
import { Ago, Since } from '~/ui/time'
import { SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { ofText, trimmed } from '~/util/format'
import { type Family, nodeShown } from '~/util/state'

const t = texts('nodes')
const common = texts('common')

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
  usePage(t('page'))
  const setJoin = (open: boolean) => void navigate({ search: open ? { join: true } : {}, replace: true })
  const sorted = [...(nodes.data ?? [])].sort((a, b) =>
    a.name.localeCompare(b.name, undefined, { numeric: true }),
  )
  return (
    <Page>
      <PageHead title={t('page')} note={nodes.data?.length}>
        <Button
          look="primary"
          icon={Plus}
          off={may('node.create') ? false : t('add_off')}
          onClick={() => setJoin(true)}
        >
          {t('add')}
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
          <p className="mb-4 text-t2">{t('none')}</p>
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
    cpu: {
      share: cores / node.host.cpus,
      text: common('amount.of', { part: trimmed(cores), all: node.host.cpus }),
    },
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
  if (!value) return <span className="text-t3">{t('no_data')}</span>
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
  if (node.state === 'offline')
    return t.rich('away_for', { span: <Since at={node.since} />, n: node.pending_changes })
  const pending = node.pending_changes > 0 && t('pending', { n: node.pending_changes })
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
            <th>{t('table.name')}</th>
            <th>{t('table.state')}</th>
            <th>{t('cpu')}</th>
            <th>{t('memory')}</th>
            <th>{t('disk')}</th>
            <th className="r">{t('table.servers')}</th>
            <th className="r">{t('table.heartbeat')}</th>
            <th className="r">{t('table.round_trip')}</th>
            <th>{t('table.agent')}</th>
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
                    <div
                      className={cx(
                        'pl-5 text-12 text-t3',
                        // Words of ours, which are not cut: what the node says may be.
                        shown.note ? 'truncate' : 'leading-4 whitespace-normal',
                      )}
                      title={shown.note}
                    >
                      <StateLine node={node} />
                    </div>
                  )}
                </td>
                <td>
                  <Capacity value={share.cpu} word={t('cpu')} />
                </td>
                <td>
                  <Capacity value={share.memory} word={t('memory')} />
                </td>
                <td>
                  <Capacity value={share.disk} word={t('disk')} />
                </td>
                <td className="r">
                  {node.servers.running}
                  <span className="text-t3"> / {node.servers.total}</span>
                </td>
                <td className={`r ${node.state === 'offline' ? 'text-warn-fg' : 'text-t2'}`}>
                  {node.last_seen_at ? <Since at={node.last_seen_at} /> : t('never')}
                </td>
                <td className="r text-t2">
                  {node.state === 'online' && node.rtt_ms != null ? (
                    t('ms', { n: Math.round(node.rtt_ms) })
                  ) : (
                    <span className="text-t3">{t('no_round_trip')}</span>
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
              {t('running', { running: node.servers.running, total: node.servers.total })}
            </div>
            {share.cpu && (
              <div className="num mt-2 grid grid-cols-3 gap-3 text-12">
                {(['cpu', 'memory', 'disk'] as const).map((key) => {
                  const value = share[key]
                  const word = t(`short.${key}`)
                  return (
                    <div key={key}>
                      <div className="mb-1 flex justify-between gap-1 whitespace-nowrap text-t3">
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
  const open = (tokens.data ?? []).filter(
    (token) => token.uses_left > 0 && Date.parse(token.expires_at) > Date.now(),
  )
  const revoke = useMutation({
    mutationFn: (id: string) => must(api.DELETE('/nodes/tokens/{id}', { params: { path: { id } } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.tokens }),
    onError: (error) => toast.error(t('revoke_failed'), error),
  })
  if (open.length === 0) return null
  return (
    <Card className="mt-6">
      <CardHead title={t('tokens')} note={open.length} />
      <ul>
        {open.map((token) => (
          <li
            key={token.id}
            className="flex min-h-11 items-center gap-3 border-t border-line px-4 first:border-0"
          >
            <span className="min-w-0 flex-1 truncate">
              {token.name || <span className="mono text-12 text-t2">{token.id}</span>}
              {token.node && (
                <span className="text-t3">
                  {' '}
                  {t('tokens.takes_back', { node: names.get(token.node) ?? token.node })}
                </span>
              )}
            </span>
            <span className="num text-12 text-t3">
              {t.rich('tokens.left', { n: token.uses_left, when: <Ago at={token.expires_at} /> })}
            </span>
            <Button
              size="sm"
              look="danger"
              busy={revoke.isPending && revoke.variables === token.id}
              onClick={() => revoke.mutate(token.id)}
            >
              {t('revoke')}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  )
}
