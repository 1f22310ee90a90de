import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { LayoutGrid, Play, Plus, RotateCw, Rows3, Square, X } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { nodesQuery, serversQuery, sessionQuery } from '~/api/queries'
import type { PowerAction, ServerSummary } from '~/api/types'
import { Page, PageHead } from '~/components/page-head'
import { POWER_WORDS } from '~/components/power'
import { ProblemView } from '~/components/problem-view'
import { StateCell, StateNote, UsageCell } from '~/components/server-bits'
import { StarterTiles } from '~/components/starters'
import { power } from '~/live/live'
import type { ServerFilter } from '~/router'
import { usePage } from '~/stores/page'
import { toast } from '~/stores/toasts'
import { Mark, StateBadge } from '~/ui/badge'
import { Card, Checkbox, Chip, GameTile, Kbd } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { Address } from '~/ui/copy'
import { SearchInput } from '~/ui/field'
import { Menu, MenuChoice } from '~/ui/menu'
import { Segmented } from '~/ui/segmented'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { gameIcon } from '~/util/game-icon'
import { FAMILY, powerOff, shownState } from '~/util/state'

/** Above this many rows the sparklines would be a request each too many. */
const SPARK_ROWS = 60

const FILTERS: Array<{
  key: ServerFilter
  word: string
  test: (s: ServerSummary) => boolean
  mark: React.ReactNode
}> = [
  {
    key: 'running',
    word: 'Running',
    test: (s) => shownState(s) === 'running',
    mark: <Mark shape="running" family="run" />,
  },
  {
    key: 'moving',
    word: 'Moving',
    test: (s) => FAMILY[shownState(s)] === 'move',
    mark: <Mark shape="starting" family="move" />,
  },
  {
    key: 'failed',
    word: 'Failed',
    test: (s) => FAMILY[shownState(s)] === 'fail',
    mark: <Mark shape="crashed" family="fail" />,
  },
  {
    key: 'look',
    word: 'Needs a look',
    test: (s) => FAMILY[shownState(s)] === 'warn',
    mark: <Mark shape="unreachable" family="warn" />,
  },
  {
    key: 'stopped',
    word: 'Stopped',
    test: (s) => FAMILY[shownState(s)] === 'stop',
    mark: <Mark shape="stopped" family="stop" />,
  },
]

export function matches(server: ServerSummary, needle: string): boolean {
  const text = needle.trim().toLowerCase()
  if (!text) return true
  return [server.name, server.egg.name, server.node.name, server.address?.display, server.id].some((part) =>
    part?.toLowerCase().includes(text),
  )
}

export function ServersPage() {
  const search = useSearch({ from: '/app/servers' })
  const navigate = useNavigate({ from: '/servers' })
  const servers = useQuery(serversQuery)
  const session = useQuery(sessionQuery)
  const admin = session.data?.user.admin ?? false
  const nodes = useQuery({ ...nodesQuery, enabled: admin })
  const [chosen, setChosen] = useState<Set<string>>(new Set())
  usePage('Servers')

  const all = servers.data ?? []
  const filter = FILTERS.find((f) => f.key === search.state)
  const shown = useMemo(
    () =>
      (servers.data ?? [])
        .filter((s) => matches(s, search.q ?? ''))
        .filter((s) => !search.node || s.node.id === search.node)
        .filter((s) => filter?.test(s) ?? true)
        .sort((a, b) => a.name.localeCompare(b.name)),
    [servers.data, search.q, search.node, filter],
  )
  const selected = shown.filter((s) => chosen.has(s.id))
  const nodeNames = new Map(all.map((s) => [s.node.id, s.node.name]))

  const narrow = (change: Partial<typeof search>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true })
  const pick = (id: string, on: boolean) =>
    setChosen((before) => {
      const next = new Set(before)
      if (on) next.add(id)
      else next.delete(id)
      return next
    })

  if (servers.data && all.length === 0) return <NoServers hasNodes={(nodes.data?.length ?? 1) > 0} />

  return (
    <Page>
      <PageHead title="Servers" note={servers.data ? all.length : undefined}>
        <span className="max-sm:hidden">
          <Segmented
            label="View"
            value={search.view ?? 'table'}
            choices={[
              { value: 'table', label: 'Table', icon: Rows3 },
              { value: 'cards', label: 'Cards', icon: LayoutGrid },
            ]}
            onChange={(view) => narrow({ view: view === 'cards' ? 'cards' : undefined })}
          />
        </span>
        {admin && (
          <Link to="/servers/new" className={buttonClass('primary', 'md', false)}>
            <Plus aria-hidden="true" size={14} />
            New server
          </Link>
        )}
      </PageHead>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <SearchInput
          label="Filter by name, address, node"
          small
          className="w-60 max-sm:w-full"
          hint={<Kbd>/</Kbd>}
          value={search.q ?? ''}
          onChange={(event) => narrow({ q: event.target.value || undefined })}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
        <div className="-mx-3 flex gap-2 overflow-x-auto px-3 py-0.5 max-sm:w-[calc(100%+24px)] sm:mx-0 sm:flex-wrap sm:px-0">
          {nodeNames.size > 1 && (
            <Menu
              align="start"
              trigger={
                <Chip on={Boolean(search.node)}>
                  {search.node ? (
                    <>
                      <span className="font-normal text-t2">Node</span>{' '}
                      {nodeNames.get(search.node) ?? 'unknown'}
                    </>
                  ) : (
                    'Node'
                  )}
                </Chip>
              }
            >
              <MenuChoice checked={!search.node} onSelect={() => narrow({ node: undefined })}>
                Every node
              </MenuChoice>
              {[...nodeNames].map(([id, name]) => (
                <MenuChoice key={id} checked={search.node === id} onSelect={() => narrow({ node: id })}>
                  {name}
                </MenuChoice>
              ))}
            </Menu>
          )}
          {FILTERS.map((f) => {
            const count = all.filter(f.test).length
            if (count === 0 && search.state !== f.key) return null
            return (
              <Chip
                key={f.key}
                on={search.state === f.key}
                mark={f.mark}
                count={count}
                onClick={() => narrow({ state: search.state === f.key ? undefined : f.key })}
              >
                {f.word}
              </Chip>
            )
          })}
        </div>
      </div>
      {servers.isError && <ProblemView error={servers.error} onRetry={() => void servers.refetch()} />}
      {servers.isPending && (
        <Card>
          <SkeletonRows rows={8} />
        </Card>
      )}
      {servers.data && shown.length === 0 && (
        <Card>
          <Empty
            title="No server matches"
            action={<Button onClick={() => void navigate({ search: {} })}>Clear the filters</Button>}
          >
            {all.length} others are hidden by the filters.
          </Empty>
        </Card>
      )}
      {shown.length > 0 && (
        <>
          {search.view !== 'cards' && (
            <ServerTable
              servers={shown}
              chosen={chosen}
              onPick={pick}
              onPickAll={(on) => setChosen(on ? new Set(shown.map((s) => s.id)) : new Set())}
            />
          )}
          <ServerCards servers={shown} phoneOnly={search.view !== 'cards'} />
        </>
      )}
      {selected.length > 0 && <BulkBar servers={selected} onClear={() => setChosen(new Set())} />}
    </Page>
  )
}

function ServerTable({
  servers,
  chosen,
  onPick,
  onPickAll,
}: {
  servers: ServerSummary[]
  chosen: Set<string>
  onPick: (id: string, on: boolean) => void
  onPickAll: (on: boolean) => void
}) {
  const sparks = servers.length <= SPARK_ROWS
  const every = servers.every((s) => chosen.has(s.id))
  const navigate = useNavigate()
  return (
    <div
      className={`overflow-x-auto rounded-box border border-line bg-surface max-sm:hidden ${chosen.size > 0 ? 'mb-20' : ''}`}
    >
      <table className="tbl table-fixed min-w-[1080px]">
        <colgroup>
          <col className="w-11" />
          <col />
          <col className="w-[200px]" />
          <col className="w-[236px]" />
          <col className="w-[146px]" />
          <col className="w-[150px]" />
          <col className="w-[96px]" />
          <col className="w-[76px]" />
        </colgroup>
        <thead>
          <tr>
            <th>
              <Checkbox
                aria-label="Select every server"
                checked={every}
                onChange={(e) => onPickAll(e.target.checked)}
              />
            </th>
            <th>Name</th>
            <th>State</th>
            <th>Address</th>
            <th>CPU</th>
            <th>Memory</th>
            <th>Disk</th>
            <th>Node</th>
          </tr>
        </thead>
        <tbody>
          {servers.map((server) => (
            <tr
              key={server.id}
              data-selected={chosen.has(server.id)}
              onClick={(event) => {
                if ((event.target as HTMLElement).closest('a, button, input')) return
                void navigate({ to: '/servers/$server', params: { server: server.id } })
              }}
              className="cursor-pointer"
            >
              <td>
                <Checkbox
                  aria-label={`Select ${server.name}`}
                  checked={chosen.has(server.id)}
                  onChange={(e) => onPick(server.id, e.target.checked)}
                />
              </td>
              <td>
                <div className="flex items-center gap-2.5">
                  <GameTile icon={gameIcon(server.egg.name)} />
                  <div className="min-w-0">
                    <Link
                      to="/servers/$server"
                      params={{ server: server.id }}
                      className="fills-cell block truncate leading-[18px] font-medium text-t1 hover:text-accent"
                    >
                      {server.name}
                    </Link>
                    <div className="truncate text-12 text-t3">{server.egg.name}</div>
                  </div>
                </div>
              </td>
              <td>
                <StateCell server={server} />
              </td>
              <td>
                {server.address ? (
                  <Address text={server.address.display} hideCopy />
                ) : (
                  <span className="text-t3">none</span>
                )}
              </td>
              <td>
                <UsageCell server={server} what="cpu" sparks={sparks} />
              </td>
              <td>
                <UsageCell server={server} what="memory" sparks={sparks} />
              </td>
              <td className="num">
                <div className="leading-[18px]">
                  {server.usage ? (
                    bytesText(server.usage.disk_bytes)
                  ) : (
                    <span className="text-t3">no data</span>
                  )}
                </div>
                <div className="text-12 text-t3">
                  {server.limits.disk_bytes ? `of ${bytesText(server.limits.disk_bytes, true)}` : 'no limit'}
                </div>
              </td>
              <td className="truncate text-t2">{server.node.name}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Exceptions first: on a phone the one that failed must not be three screens down. */
const RANK = { fail: 0, warn: 1, move: 2, run: 3, stop: 4 } as const

function ServerCards({ servers, phoneOnly }: { servers: ServerSummary[]; phoneOnly: boolean }) {
  const sorted = [...servers].sort((a, b) => RANK[FAMILY[shownState(a)]] - RANK[FAMILY[shownState(b)]])
  return (
    <ul
      className={
        phoneOnly
          ? 'flex flex-col gap-2 sm:hidden'
          : 'grid grid-cols-[repeat(auto-fill,minmax(320px,1fr))] gap-4 max-sm:grid-cols-1 max-sm:gap-2'
      }
    >
      {sorted.map((server) => {
        const state = shownState(server)
        return (
          <li
            key={server.id}
            className="hoverable relative rounded-box border border-line bg-surface p-3 hover:border-line-2"
          >
            <div className="flex items-center gap-2.5">
              <GameTile icon={gameIcon(server.egg.name)} />
              <div className="min-w-0 flex-1">
                <Link
                  to="/servers/$server"
                  params={{ server: server.id }}
                  className="block truncate text-14 leading-[18px] font-medium after:absolute after:inset-0"
                >
                  {server.name}
                </Link>
                <div className="truncate text-12 text-t3">
                  {state === 'running' ? server.egg.name : <StateNote server={server} />}
                </div>
              </div>
              <StateBadge state={state} />
            </div>
            <div className="relative z-1 mt-2 flex h-5 w-fit items-center">
              {server.address ? (
                <Address text={server.address.display} />
              ) : (
                <span className="text-t3">no address</span>
              )}
            </div>
            <div className="mt-2 grid grid-cols-2 gap-3">
              <UsageCell server={server} what="cpu" sparks label="CPU" />
              <UsageCell server={server} what="memory" sparks label="Mem" />
            </div>
          </li>
        )
      })}
    </ul>
  )
}

function BulkBar({ servers, onClear }: { servers: ServerSummary[]; onClear: () => void }) {
  const [busy, setBusy] = useState<PowerAction>()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && onClear()
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [onClear])
  async function order(action: PowerAction) {
    setBusy(action)
    const able = servers.filter((s) => powerOff(s, action) === false)
    const results = await Promise.allSettled(able.map((s) => power(s.id, action)))
    const refused = results.filter((r) => r.status === 'rejected')
    if (refused[0]?.status === 'rejected')
      toast.error(`${refused.length} of ${able.length} were refused`, refused[0].reason)
    else
      toast.done(
        `${POWER_WORDS[action]} asked for ${able.length} ${able.length === 1 ? 'server' : 'servers'}`,
      )
    setBusy(undefined)
  }
  const able = (action: PowerAction) =>
    servers.some((s) => powerOff(s, action) === false) ? false : `None of these can ${action}`
  return (
    <div
      role="toolbar"
      aria-label="Selected servers"
      className="rise fixed bottom-4 left-1/2 z-(--z-bulk) flex h-12 -translate-x-1/2 items-center gap-1.5 rounded-box border border-line-2 bg-overlay pr-2 pl-4 shadow-float max-sm:bottom-20"
    >
      <span className="num mr-1.5 font-medium whitespace-nowrap">{servers.length} selected</span>
      <Button
        size="sm"
        icon={Play}
        busy={busy === 'start'}
        off={able('start')}
        onClick={() => void order('start')}
      >
        Start
      </Button>
      <Button
        size="sm"
        icon={RotateCw}
        busy={busy === 'restart'}
        off={able('restart')}
        onClick={() => void order('restart')}
      >
        Restart
      </Button>
      <Button
        size="sm"
        look="danger"
        icon={Square}
        busy={busy === 'stop'}
        off={able('stop')}
        onClick={() => void order('stop')}
      >
        Stop
      </Button>
      <Button size="sm" look="quiet" icon={X} onClick={onClear}>
        Clear
      </Button>
    </div>
  )
}

function NoServers({ hasNodes }: { hasNodes: boolean }) {
  return (
    <Page>
      <PageHead title="Servers" note={0} />
      <Card>
        <Empty
          title="No server yet"
          action={
            hasNodes ? (
              <Link to="/servers/new" className={buttonClass('primary', 'md', false)}>
                <Plus aria-hidden="true" size={14} />
                New server
              </Link>
            ) : (
              <Link to="/nodes" search={{ join: true }} className={buttonClass('primary', 'md', false)}>
                Connect a machine
              </Link>
            )
          }
        >
          {hasNodes
            ? 'Pick a game below, or drop an egg of your own on the eggs page.'
            : 'A server runs on a node. Connect a machine first: one command, no port to open.'}
        </Empty>
      </Card>
      <div className="mt-6">
        <StarterTiles />
      </div>
    </Page>
  )
}
