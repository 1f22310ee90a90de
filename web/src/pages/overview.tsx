import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { nodesQuery, operationsQuery, serversQuery, sessionQuery } from '~/api/queries'
import type { Node, ServerSummary } from '~/api/types'
import { isActive, OperationRow } from '~/components/operations-tray'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { StateCell, UsageCell } from '~/components/server-bits'
import { StarterTiles } from '~/components/starters'
import { usePage } from '~/stores/page'
import { Mark, type Shape } from '~/ui/badge'
import { Card, CardHead, GameTile } from '~/ui/bits'
import { buttonClass } from '~/ui/button'
import { Bar } from '~/ui/spark'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText, plural, trimmed } from '~/util/format'
import { gameIcon } from '~/util/game-icon'
import { FAMILY, type Family, nodeShown, shownState } from '~/util/state'
import { NodeBadge } from './nodes'

/** What needs a look first, then the rest of the fleet in short. */
export function OverviewPage() {
  const session = useQuery(sessionQuery)
  const admin = session.data?.user.admin ?? false
  const servers = useQuery(serversQuery)
  const nodes = useQuery({ ...nodesQuery, enabled: admin })
  usePage('Overview')
  if (servers.isError && !servers.data) {
    return (
      <Page>
        <ProblemView error={servers.error} onRetry={() => void servers.refetch()} />
      </Page>
    )
  }
  if (admin && nodes.data?.length === 0) return <FirstRun name={session.data?.user.username ?? ''} />
  const all = servers.data ?? []
  const trouble = all.filter((s) => ['fail', 'warn'].includes(FAMILY[shownState(s)]))
  const badNodes = (nodes.data ?? []).filter((n) => nodeShown(n).family !== 'run')
  return (
    <Page>
      <PageHead title="Overview">
        {admin && (
          <Link to="/servers/new" className={buttonClass('primary', 'md', false)}>
            <Plus aria-hidden="true" size={14} />
            New server
          </Link>
        )}
      </PageHead>
      <Tally servers={servers.data} />
      <div className="mt-4 grid grid-cols-[minmax(0,1fr)_356px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          {(trouble.length > 0 || badNodes.length > 0) && <Trouble servers={trouble} nodes={badNodes} />}
          <Busy servers={servers.data} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          {admin && nodes.data && <Nodes nodes={nodes.data} />}
          <Recent />
        </div>
      </div>
    </Page>
  )
}

const TALLY: Array<{
  family: Family
  shape: Shape
  word: string
  state: 'running' | 'moving' | 'stopped' | 'look' | 'failed'
}> = [
  { family: 'run', shape: 'running', word: 'Running', state: 'running' },
  { family: 'move', shape: 'starting', word: 'Moving', state: 'moving' },
  { family: 'stop', shape: 'stopped', word: 'Stopped', state: 'stopped' },
  { family: 'warn', shape: 'unreachable', word: 'Need a look', state: 'look' },
  { family: 'fail', shape: 'crashed', word: 'Failed', state: 'failed' },
]

function Tally({ servers }: { servers: ServerSummary[] | undefined }) {
  return (
    <ul className="grid grid-cols-5 gap-4 max-md:grid-cols-3 max-sm:gap-2">
      {TALLY.map(({ family, shape, word, state }) => {
        const count = servers?.filter((s) => FAMILY[shownState(s)] === family).length
        return (
          <li key={family}>
            <Link
              to="/servers"
              search={{ state }}
              className="tx block rounded-box border border-line bg-surface px-4 py-3 hover:border-line-2 hover:bg-surface-2"
            >
              <span className="flex items-center gap-1.5 text-12 text-t2">
                <Mark shape={shape} family={family} />
                {word}
              </span>
              <span className={`num mt-1 block text-20 font-medium ${count ? '' : 'text-t3'}`}>
                {count ?? ' '}
              </span>
            </Link>
          </li>
        )
      })}
    </ul>
  )
}

function Trouble({ servers, nodes }: { servers: ServerSummary[]; nodes: Node[] }) {
  return (
    <Card>
      <CardHead title="Needs a look" note={servers.length + nodes.length} />
      <ul>
        {nodes.map((node) => (
          <li
            key={node.id}
            className="flex min-h-11 items-center gap-3 border-t border-line px-4 py-1.5 first:border-0"
          >
            <Link
              to="/nodes/$node"
              params={{ node: node.id }}
              className="w-44 shrink-0 truncate font-medium hover:text-accent max-sm:w-28"
            >
              {node.name}
            </Link>
            <NodeBadge node={node} plain />
            <span className="min-w-0 flex-1 truncate text-right text-12 text-t3" title={nodeShown(node).note}>
              {nodeShown(node).note ??
                (node.pending_changes > 0 ? `${plural(node.pending_changes, 'change')} pending` : '')}
            </span>
          </li>
        ))}
        {servers.map((server) => (
          <li
            key={server.id}
            className="flex min-h-11 items-center gap-3 border-t border-line px-4 py-1.5 first:border-0"
          >
            <Link
              to="/servers/$server"
              params={{ server: server.id }}
              className="w-44 shrink-0 truncate font-medium hover:text-accent max-sm:w-28"
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
function Busy({ servers }: { servers: ServerSummary[] | undefined }) {
  if (!servers) {
    return (
      <Card>
        <SkeletonRows />
      </Card>
    )
  }
  if (servers.length === 0) {
    return (
      <>
        <Card>
          <Empty
            title="No server yet"
            action={
              <Link to="/servers/new" className={buttonClass('primary', 'md', false)}>
                New server
              </Link>
            }
          >
            Your node is ready. Pick a game.
          </Empty>
        </Card>
        <StarterTiles />
      </>
    )
  }
  const busy = [...servers]
    .sort((a, b) => (b.usage?.cpu_percent ?? -1) - (a.usage?.cpu_percent ?? -1))
    .slice(0, 8)
  return (
    <Card className="overflow-x-auto">
      <CardHead title="Busiest servers">
        <Link to="/servers" className="text-12 font-medium text-accent">
          Open list
        </Link>
      </CardHead>
      <table className="tbl">
        <thead>
          <tr>
            <th>Name</th>
            <th>State</th>
            <th className="max-sm:hidden">CPU</th>
            <th className="max-sm:hidden">Memory</th>
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
                      className="block truncate leading-[18px] font-medium hover:text-accent"
                    >
                      {server.name}
                    </Link>
                    <span className="block truncate text-12 text-t3">{server.egg.name}</span>
                  </span>
                </span>
              </td>
              <td>
                <StateCell server={server} />
              </td>
              <td className="max-sm:hidden">
                <UsageCell server={server} what="cpu" sparks />
              </td>
              <td className="max-sm:hidden">
                <UsageCell server={server} what="memory" sparks />
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
      <CardHead title="Nodes" note={nodes.length}>
        <Link to="/nodes" className="text-12 font-medium text-accent">
          Open list
        </Link>
      </CardHead>
      <ul>
        {nodes.slice(0, 8).map((node) => {
          const { load } = node
          const memory =
            load && node.state === 'online' ? load.memory_used_bytes / load.memory_total_bytes : 0
          return (
            <li key={node.id} className="border-t border-line px-4 py-2.5 first:border-0">
              <div className="flex items-center gap-2">
                <Link
                  to="/nodes/$node"
                  params={{ node: node.id }}
                  className="min-w-0 flex-1 truncate font-medium hover:text-accent"
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
                      label={`Memory ${Math.round(memory * 100)} %`}
                    />
                  </div>
                  <div className="num flex justify-between text-12 text-t3">
                    <span>
                      {bytesText(load.memory_used_bytes)} of {bytesText(load.memory_total_bytes, true)}
                    </span>
                    <span>
                      {trimmed(load.cpu_percent / 100)} of {node.host.cpus} cores
                    </span>
                  </div>
                </>
              ) : (
                <div className="text-12 text-t3">no data</div>
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
  if (shown.length === 0) return null
  return (
    <Card>
      <CardHead
        title="Operations"
        note={shown.filter(isActive).length > 0 ? `${shown.filter(isActive).length} running` : undefined}
      >
        <Link to="/operations" className="text-12 font-medium text-accent">
          All
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

function FirstRun({ name }: { name: string }) {
  return (
    <div className="mx-auto w-full max-w-[740px] px-6 pt-16 pb-8 max-sm:px-4 max-sm:pt-6">
      <h1 className="text-28 font-semibold tracking-[-0.02em]">Connect your first machine</h1>
      <p className="mt-1 mb-6 max-w-150 text-14 text-t2">
        A node is any Linux machine with root: a rented server, a mini PC at home, behind NAT or not. It dials
        out to this panel; you open no port.
      </p>
      <Card>
        <div className="flex flex-wrap items-center gap-3 px-4 py-4">
          <div className="min-w-0 flex-1 basis-64">
            <div className="font-medium">One command joins a machine</div>
            <div className="text-12 text-t3">
              Debian 11+, Ubuntu 22.04+, Fedora, Arch · x86-64 or ARM64 · 2 GiB of memory
            </div>
          </div>
          <Link to="/nodes" search={{ join: true }} className={buttonClass('primary', 'md', false)}>
            <Plus aria-hidden="true" size={14} />
            Show the command
          </Link>
        </div>
      </Card>
      <div className="mt-8">
        <StarterTiles most={3} />
      </div>
      <Card className="mt-8">
        <div className="flex items-center gap-3 px-4 py-3">
          <Mark shape="ok" family="run" size={16} />
          <span className="text-t2">
            Panel set up, signed in as <span className="font-medium text-t1">{name}</span>
          </span>
        </div>
      </Card>
    </div>
  )
}
