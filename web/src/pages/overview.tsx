import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useRef } from 'react'
import { nodesQuery, operationsQuery } from '~/api/queries'
import { merged, type Narrow, serverPagesQuery } from '~/api/server-lists'
import type { Node, ServerSummary } from '~/api/types'
import { FirstRun } from '~/components/first-run'
import { NothingYours } from '~/components/nothing-yours'
import { isActive, OperationRow } from '~/components/operations-tray'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { StateCell, UsageCell } from '~/components/server-bits'
import { StarterTiles } from '~/components/starters'
import { type Fleet, useFleet } from '~/hooks/use-fleet'
import { useMay } from '~/hooks/use-may'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Mark, type Shape } from '~/ui/badge'
import { Card, CardHead, GameTile } from '~/ui/bits'
import { buttonClass } from '~/ui/button'
import { Bar } from '~/ui/spark'
import { Since } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { count, countShort, ofText, trimmed } from '~/util/format'
import { gameIcon } from '~/util/game-icon'
import { FAMILY, type Family, nodeShown, shownState } from '~/util/state'
import { NodeBadge } from './nodes'

const t = texts('overview')
const list = texts('servers')
const ops = texts('operations')

const FAILED: Narrow = { states: ['crashed', 'error'] }
/** More would push what else the page says out of sight. */
const MOST_TROUBLE = 20

/** What needs a look first, then the rest of the fleet in short. */
export function OverviewPage() {
  const { user: me, may, somewhere } = useMay()
  const fleet = useFleet()
  const nodes = useQuery({ ...nodesQuery, enabled: somewhere('node.read') })
  const many = fleet.whole === false
  const failed = useInfiniteQuery({ ...serverPagesQuery(FAILED), enabled: many })
  usePage(t('title'))
  // Stays until the page is left: what turns green there must be seen.
  const began = useRef(false)
  began.current ||= may('node.create') && nodes.data?.length === 0
  if (fleet.error !== null && fleet.error !== undefined) {
    return (
      <Page>
        <ProblemView error={fleet.error} onRetry={fleet.retry} />
      </Page>
    )
  }
  if (began.current) return <FirstRun name={me?.username ?? ''} />
  const all = many ? merged(failed.data?.pages ?? []) : (fleet.servers ?? [])
  const trouble = all.filter((s) => ['fail', 'warn'].includes(FAMILY[shownState(s)]))
  const badNodes = (nodes.data ?? []).filter((n) => nodeShown(n).family !== 'run')
  return (
    <Page>
      <PageHead title={t('title')}>
        {somewhere('admin.server.create') && (
          <Link to="/servers/new" className={buttonClass('primary', 'md', false)}>
            <Plus aria-hidden="true" size={14} />
            {list('new')}
          </Link>
        )}
      </PageHead>
      <Tally count={fleet.count} />
      <div className="mt-4 grid grid-cols-[minmax(0,1fr)_356px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          {(trouble.length > 0 || badNodes.length > 0) && (
            <Trouble
              servers={trouble.slice(0, MOST_TROUBLE)}
              failed={many ? fleet.count('failed') : trouble.length}
              nodes={badNodes}
            />
          )}
          <Busy servers={fleet.servers} many={many} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          {nodes.data && <Nodes nodes={nodes.data} />}
          <Recent />
        </div>
      </div>
    </Page>
  )
}

const TALLY: Array<{
  family: Family
  shape: Shape
  state: 'running' | 'moving' | 'stopped' | 'look' | 'failed'
}> = [
  { family: 'run', shape: 'running', state: 'running' },
  { family: 'move', shape: 'starting', state: 'moving' },
  { family: 'stop', shape: 'stopped', state: 'stopped' },
  { family: 'warn', shape: 'unreachable', state: 'look' },
  { family: 'fail', shape: 'crashed', state: 'failed' },
]

function Tally({ count: countOf }: { count: Fleet['count'] }) {
  return (
    <ul className="grid grid-cols-5 gap-4 max-md:gap-2">
      {TALLY.map(({ family, shape, state }) => {
        const amount = countOf(state)
        return (
          <li key={family}>
            <Link
              to="/servers"
              search={{ state }}
              className="tx block rounded-box border border-line bg-surface px-4 py-3 hover:border-line-2 hover:bg-surface-2 max-md:px-2.5 max-md:py-2"
            >
              <span className="flex items-center gap-1.5 text-12 text-t2 max-sm:flex-col max-sm:items-start max-sm:gap-1">
                <Mark shape={shape} family={family} />
                <span className="max-sm:hidden">{t(`tally.${state}`)}</span>
                {/* Five stand side by side on a phone. */}
                <span className="sm:hidden">{t(`tally_short.${state}`)}</span>
              </span>
              <span className={`num mt-1 block text-20 font-medium ${amount ? '' : 'text-t3'}`}>
                <span className="max-sm:hidden">{amount === undefined ? '\u00a0' : count(amount)}</span>
                <span className="sm:hidden">{amount === undefined ? '\u00a0' : countShort(amount)}</span>
              </span>
            </Link>
          </li>
        )
      })}
    </ul>
  )
}

/** What is behind a node's badge: the condition itself, or since when it is away and what waits for it. */
function NodeNote({ node }: { node: Node }) {
  const { note } = nodeShown(node)
  if (note) return <>{note}</>
  return <>{t.rich('node.for', { since: <Since at={node.since} />, n: node.pending_changes })}</>
}

function Trouble({
  servers,
  failed = servers.length,
  nodes,
}: {
  servers: ServerSummary[]
  /** How many there are, of which the newest are here. */
  failed?: number | undefined
  nodes: Node[]
}) {
  return (
    <Card>
      <CardHead title={t('trouble')} note={count(failed + nodes.length)}>
        {failed > servers.length && (
          <Link to="/servers" search={{ state: 'failed' }} className="hit text-12 font-medium text-accent">
            {t('open_list')}
          </Link>
        )}
      </CardHead>
      <ul>
        {nodes.map((node) => (
          <li
            key={node.id}
            className="relative flex min-h-11 items-center gap-3 border-t border-line px-4 py-1.5 first:border-0 hover:bg-surface-2"
          >
            <Link
              to="/nodes/$node"
              params={{ node: node.id }}
              className="fills-cell w-44 shrink-0 truncate font-medium hover:text-accent max-sm:w-28"
            >
              {node.name}
            </Link>
            <div className="min-w-0">
              <div className="leading-[18px]">
                <NodeBadge node={node} plain />
              </div>
              <div className="pl-5 text-12 text-t3">
                <NodeNote node={node} />
              </div>
            </div>
            <span className="ml-auto text-12 whitespace-nowrap text-t3 max-sm:hidden">
              {t('node.servers', { n: node.servers.total })}
            </span>
          </li>
        ))}
        {servers.map((server) => (
          <li
            key={server.id}
            className="relative flex min-h-11 items-center gap-3 border-t border-line px-4 py-1.5 first:border-0 hover:bg-surface-2"
          >
            <Link
              to="/servers/$server"
              params={{ server: server.id }}
              className="fills-cell w-44 shrink-0 truncate font-medium hover:text-accent max-sm:w-28"
            >
              {server.name}
            </Link>
            <div className="min-w-0">
              <StateCell server={server} />
            </div>
            <span className="ml-auto text-12 text-t3 max-sm:hidden">{server.node.name}</span>
          </li>
        ))}
      </ul>
    </Card>
  )
}

/** The servers that use most, so that the page says something on a good day too. */
function Busy({ servers, many }: { servers: ServerSummary[] | undefined; many: boolean }) {
  const { somewhere } = useMay()
  const phone = useMedia('(max-width: 639px)')
  if (!servers) {
    return (
      <Card>
        <SkeletonRows />
      </Card>
    )
  }
  if (servers.length === 0 && !somewhere('admin.server.create')) return <NothingYours />
  if (servers.length === 0) {
    return (
      <>
        <Card>
          <Empty
            title={list('none.title')}
            action={
              <Link to="/servers/new" className={buttonClass('primary', 'md', false)}>
                {list('new')}
              </Link>
            }
          >
            {t('ready')}
          </Empty>
        </Card>
        <StarterTiles />
      </>
    )
  }
  // Which of very many use most can't be said from the newest hundred.
  const busy = (
    many ? servers : [...servers].sort((a, b) => (b.usage?.cpu_percent ?? -1) - (a.usage?.cpu_percent ?? -1))
  ).slice(0, 8)
  return (
    <Card className="overflow-x-auto">
      <CardHead title={t(many ? 'newest' : 'busiest')}>
        <Link to="/servers" className="hit text-12 font-medium text-accent">
          {t('open_list')}
        </Link>
      </CardHead>
      <table className="tbl">
        <thead>
          <tr>
            <th>{list('table.name')}</th>
            <th className="max-sm:hidden">{list('table.state')}</th>
            <th>{list('table.cpu')}</th>
            <th>{list('table.memory')}</th>
          </tr>
        </thead>
        <tbody>
          {busy.map((server) => (
            <tr key={server.id}>
              <td>
                <span className="flex items-center gap-2.5">
                  <GameTile icon={gameIcon(server.egg.name)} />
                  <span className="min-w-0">
                    <Link
                      to="/servers/$server"
                      params={{ server: server.id }}
                      className="fills-cell block truncate leading-[18px] font-medium hover:text-accent"
                    >
                      {server.name}
                    </Link>
                    <span className="block truncate text-12 text-t3">{server.egg.name}</span>
                  </span>
                </span>
              </td>
              <td className="max-sm:hidden">
                <StateCell server={server} />
              </td>
              <td>
                <UsageCell server={server} what="cpu" sparks={!phone} />
              </td>
              <td>
                <UsageCell server={server} what="memory" sparks={!phone} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}

function Nodes({ nodes }: { nodes: Node[] }) {
  return (
    <Card>
      <CardHead title={t('nodes')} note={nodes.length}>
        <Link to="/nodes" className="hit text-12 font-medium text-accent">
          {t('open_list')}
        </Link>
      </CardHead>
      <ul>
        {nodes.slice(0, 8).map((node) => {
          const { load } = node
          const memory =
            load && node.state === 'online' ? load.memory_used_bytes / load.memory_total_bytes : 0
          return (
            <li
              key={node.id}
              className="relative border-t border-line px-4 py-2.5 first:border-0 hover:bg-surface-2"
            >
              <div className="flex items-center gap-2">
                <Link
                  to="/nodes/$node"
                  params={{ node: node.id }}
                  className="fills-cell min-w-0 flex-1 truncate font-medium hover:text-accent"
                >
                  {node.name}
                </Link>
                <NodeBadge node={node} plain />
              </div>
              {load && node.state === 'online' ? (
                <>
                  <div className="my-1.5">
                    <Bar
                      share={memory}
                      look={memory >= 0.9 ? 'warn' : 'use'}
                      label={t('node.memory', { percent: Math.round(memory * 100) })}
                    />
                  </div>
                  <div className="num flex justify-between text-12 text-t3">
                    <span>{ofText(load.memory_used_bytes, load.memory_total_bytes)}</span>
                    <span>
                      {t('node.cores', { used: trimmed(load.cpu_percent / 100), all: node.host.cpus })}
                    </span>
                  </div>
                </>
              ) : (
                <div className="text-12 text-t3">{list('usage.none')}</div>
              )}
            </li>
          )
        })}
      </ul>
    </Card>
  )
}

function Recent() {
  const { data } = useQuery(operationsQuery)
  const shown = (data ?? []).slice(0, 5)
  const running = shown.filter(isActive).length
  if (shown.length === 0) return null
  return (
    <Card>
      <CardHead title={ops('title')} note={running > 0 ? ops('running', { n: running }) : undefined}>
        <Link to="/operations" className="hit text-12 font-medium text-accent">
          {t('all_operations')}
        </Link>
      </CardHead>
      <ul>
        {shown.map((operation) => (
          <OperationRow key={operation.id} operation={operation} />
        ))}
      </ul>
    </Card>
  )
}
