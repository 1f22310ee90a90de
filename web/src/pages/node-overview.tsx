import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Check, TriangleAlert } from 'lucide-react'
import { metricsQuery } from '~/api/metrics'
import { nodeQuery } from '~/api/nodes'
import { merged, serverPagesQuery } from '~/api/server-lists'
import type { Node } from '~/api/types'
import { ChartCard, type Panel } from '~/components/chart-card'
import { RangePicker } from '~/components/metric-charts'
import { NodeMounts } from '~/components/node-mounts'
import { Orphans } from '~/components/orphans'
import { Page } from '~/components/page-head'
import { StateCell, UsageCell } from '~/components/server-bits'
import { useNow } from '~/hooks/use-now'
import { texts } from '~/i18n/texts'
import { Card, CardHead, Facts, GameTile } from '~/ui/bits'
import { Address } from '~/ui/copy-box'
import { Bar } from '~/ui/spark'
import { Ago } from '~/ui/time'
import { Empty } from '~/ui/wait'
import { bytesText, count, trimmed } from '~/util/format'
import { gameIcon } from '~/util/game-icon'
import { visible } from '~/util/visible'

const t = texts('nodes')
const common = texts('common')

const SPAN_S = { '1h': 3600, '24h': 86_400, '7d': 604_800 } as const

/** Where the charts begin. */
function beginOf(range: keyof typeof SPAN_S): string {
  return range === '7d' ? common('ago.days', { n: 7 }) : common('ago.h', { n: range === '1h' ? 1 : 24 })
}

export function NodeOverviewPage() {
  const { node: id } = useParams({ from: '/app/nodes/$node/' })
  const { data: node } = useQuery(nodeQuery(id))
  if (!node) return null
  return (
    <Page>
      <Capacities node={node} />
      <div className="mt-4 grid grid-cols-[minmax(0,1fr)_356px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          <Load node={node} />
          <Servers node={node} />
          <Orphans node={node} />
        </div>
        <div className="flex flex-col gap-4">
          <Heartbeat node={node} />
          <Checks node={node} />
          <NodeMounts node={node} />
        </div>
      </div>
    </Page>
  )
}

function Capacities({ node }: { node: Node }) {
  const load = node.state === 'online' ? (node.load ?? undefined) : undefined
  const cores = load ? load.cpu_percent / 100 : 0
  const rows: Array<{
    word: string
    value: string | undefined
    of: string
    used: number
    promised: number
    note: string
  }> = [
    {
      word: t('cpu'),
      value: load ? trimmed(cores) : undefined,
      of: t('capacity.cores', { n: node.host.cpus }),
      used: cores / node.host.cpus,
      promised: node.promised.cpu_percent / 100 / node.host.cpus,
      note: t('capacity.promised', { amount: trimmed(node.promised.cpu_percent / 100) }),
    },
    {
      word: t('memory'),
      value: load ? bytesText(load.memory_used_bytes) : undefined,
      of: t('capacity.size', { size: bytesText(node.host.memory_bytes, true) }),
      used: load ? load.memory_used_bytes / node.host.memory_bytes : 0,
      promised: node.promised.memory_bytes / node.host.memory_bytes,
      note: t('capacity.promised', { amount: bytesText(node.promised.memory_bytes, true) }),
    },
    {
      word: t('disk'),
      value: load ? bytesText(load.disk_used_bytes) : undefined,
      of: t('capacity.size', { size: bytesText(load?.disk_total_bytes ?? node.host.disk_bytes, true) }),
      used: load ? load.disk_used_bytes / load.disk_total_bytes : 0,
      promised: 0,
      note: load ? t('capacity.free', { size: bytesText(load.disk_total_bytes - load.disk_used_bytes) }) : '',
    },
  ]
  return (
    <div className="grid grid-cols-3 gap-4 max-lg:grid-cols-1 max-lg:gap-2">
      {rows.map((row) => {
        const near = row.used >= 0.9
        return (
          <Card key={row.word} className="px-4 py-3.5">
            <div className="flex items-baseline gap-2">
              <h2 className="font-medium">{row.word}</h2>
              <span className="flex-1" />
              <span className={`num text-20 font-medium tracking-[-0.014em] ${near ? 'text-warn-fg' : ''}`}>
                {row.value ?? <span className="text-13 font-normal text-t3">{t('no_data')}</span>}
              </span>
              <span className="num text-12 text-t3">{row.of}</span>
            </div>
            <div className="my-2">
              <Bar
                share={row.used}
                also={row.promised}
                look={near ? 'warn' : 'accent'}
                height={8}
                label={`${row.word} ${Math.round(row.used * 100)} %`}
              />
            </div>
            <div className="num flex justify-between text-12 text-t3">
              <span>
                {row.value ? t('capacity.used', { n: Math.round(row.used * 100) }) : t('capacity.unknown')}
              </span>
              <span>{row.note}</span>
            </div>
          </Card>
        )
      })}
    </div>
  )
}

function Load({ node }: { node: Node }) {
  const { range = '1h' } = useSearch({ from: '/app/nodes/$node/' })
  const navigate = useNavigate({ from: '/nodes/$node' })
  const now = useNow()
  const { data } = useQuery(metricsQuery('nodes', node.id, range))
  const at = data?.at ?? []
  const pick = (name: string) => at.map((_, n) => data?.series[name]?.[n] ?? null)
  const panels: Panel[] = [
    {
      title: t('cpu'),
      at,
      kind: 'percent',
      limit: node.host.cpus * 100,
      series: [{ name: t('cpu'), values: pick('cpu_percent') }],
    },
    {
      title: t('memory'),
      at,
      kind: 'bytes',
      limit: node.host.memory_bytes,
      series: [{ name: t('memory'), values: pick('memory_used_bytes') }],
    },
    {
      title: t('load.network'),
      at,
      kind: 'rate',
      limit: 0,
      series: [
        { name: t('load.out'), values: pick('tx_bytes_per_s') },
        { name: t('load.in'), values: pick('rx_bytes_per_s') },
      ],
    },
    {
      title: t('load'),
      at,
      kind: 'count',
      limit: node.host.cpus,
      series: [{ name: t('load.minute'), values: pick('load1') }],
    },
  ]
  return (
    <section aria-label={t('load.label')}>
      <div className="mb-2 flex items-center justify-between">
        <h2 className="text-14 font-semibold">{t('load')}</h2>
        <RangePicker
          live={false}
          value={range}
          onChange={(next) =>
            void navigate({
              search: (before) => ({ ...before, range: next === '1h' ? undefined : next }),
              replace: true,
            })
          }
        />
      </div>
      <div className="grid grid-cols-2 gap-3 max-md:grid-cols-1">
        {panels.map((panel) => (
          <ChartCard
            key={panel.title}
            panel={panel}
            from={now / 1000 - SPAN_S[range]}
            to={now / 1000}
            ends={[beginOf(range), t('load.now')]}
            sync="node"
            className="h-40"
          />
        ))}
      </div>
    </section>
  )
}

function Servers({ node }: { node: Node }) {
  const { data } = useInfiniteQuery(serverPagesQuery({ nodes: [node.id] }))
  const mine = merged(data?.pages ?? [])
  return (
    <Card className="overflow-x-auto">
      <CardHead title={t('table.servers')} note={node.servers.total}>
        <Link to="/servers" search={{ node: node.id }} className="hit text-12 font-medium text-accent">
          {t('servers.open')}
        </Link>
      </CardHead>
      {data && mine.length === 0 ? (
        <Empty
          title={t('servers.none')}
          action={
            <Link to="/servers/new" search={{ node: node.id }} className="hit font-medium text-accent">
              {t('servers.create')}
            </Link>
          }
        />
      ) : (
        <table className="tbl">
          <thead>
            <tr>
              <th>{t('table.name')}</th>
              <th>{t('table.state')}</th>
              <th className="max-sm:hidden">{t('table.address')}</th>
              <th className="max-sm:hidden">{t('cpu')}</th>
              <th className="max-sm:hidden">{t('memory')}</th>
            </tr>
          </thead>
          <tbody>
            {mine.map((server) => (
              <tr key={server.id}>
                <td>
                  <span className="flex items-center gap-2">
                    <GameTile icon={gameIcon(server.egg.name)} />
                    <Link
                      to="/servers/$server"
                      params={{ server: server.id }}
                      className="fills-cell font-medium hover:text-accent"
                    >
                      {server.name}
                    </Link>
                  </span>
                </td>
                <td>
                  <StateCell server={server} />
                </td>
                <td className="max-sm:hidden">
                  {server.address && <Address text={server.address.display} hideCopy />}
                </td>
                <td className="max-sm:hidden">
                  <UsageCell server={server} what="cpu" sparks={mine.length < 40} />
                </td>
                <td className="max-sm:hidden">
                  <UsageCell server={server} what="memory" sparks={mine.length < 40} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}

function Heartbeat({ node }: { node: Node }) {
  return (
    <Card>
      <CardHead title={t('table.heartbeat')}>
        <span className="text-12 text-t2">
          {node.last_seen_at ? <Ago at={node.last_seen_at} /> : t('never')}
        </span>
      </CardHead>
      <div className="px-4 py-2">
        <Facts
          rows={[
            [
              t('table.round_trip'),
              node.rtt_ms != null && node.state === 'online'
                ? t('ms', { n: Math.round(node.rtt_ms) })
                : t('no_round_trip'),
            ],
            [t('facts.changes'), count(node.pending_changes)],
            [t('facts.containers'), node.load ? count(node.load.containers) : t('facts.unknown')],
            [t('facts.ports'), t('facts.port_range', node.port_range)],
            [t('facts.joined'), <Ago key="joined" at={node.created_at} />],
          ]}
        />
      </div>
    </Card>
  )
}

/** What the machine can do, and what about it needs a look. */
function Checks({ node }: { node: Node }) {
  const rows: Array<{ ok: boolean; text: string; note?: string }> = [
    { ok: true, text: t('checks.containerd', { version: node.host.containerd_version }) },
    {
      ok: true,
      text:
        node.host.cgroup_version > 0
          ? t('checks.cgroup_kernel', { cgroup: node.host.cgroup_version, version: node.host.kernel })
          : t('checks.kernel', { version: node.host.kernel }),
    },
    { ok: true, text: t('checks.threads', { arch: node.host.arch, n: node.host.cpus }) },
    ...node.conditions.map((c) => ({ ok: c.level === 'info', text: visible(c.message), note: c.code })),
  ]
  return (
    <Card>
      <CardHead
        title={t('checks')}
        note={node.conditions.some((c) => c.level !== 'info') ? t('checks.look') : undefined}
      />
      <ul className="py-1">
        {rows.map((row) => (
          <li
            key={row.text}
            className="grid grid-cols-[16px_1fr] gap-x-2.5 border-t border-line px-4 py-1.5 first:border-0"
          >
            {row.ok ? (
              <Check aria-hidden="true" size={16} strokeWidth={1.75} className="mt-0.5 text-run-fg" />
            ) : (
              <TriangleAlert
                aria-hidden="true"
                size={16}
                strokeWidth={1.75}
                className="mt-0.5 text-warn-fg"
              />
            )}
            <div className="min-w-0 [overflow-wrap:anywhere]">
              {row.text}
              {row.note && <div className="mono text-12 text-t3">{row.note}</div>}
            </div>
          </li>
        ))}
      </ul>
    </Card>
  )
}
