import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { ChevronDown, LayoutGrid, Plus, Rows3 } from 'lucide-react'
import { useMemo, useState } from 'react'
import { nodesQuery, serversQuery, sessionQuery } from '~/api/queries'
import type { ServerSummary } from '~/api/types'
import { BulkBar } from '~/components/bulk-bar'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { ServerCards } from '~/components/server-cards'
import { ServerTable } from '~/components/server-table'
import { StarterTiles } from '~/components/starters'
import type { ServerFilter } from '~/router'
import { usePage } from '~/stores/page'
import { Mark } from '~/ui/badge'
import { Card, Chip, Kbd } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Menu, MenuChoice } from '~/ui/menu'
import { Segmented } from '~/ui/segmented'
import { Empty, SkeletonRows } from '~/ui/wait'
import { FAMILY, shownState } from '~/util/state'

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
                    <>
                      Node
                      <ChevronDown aria-hidden="true" size={12} className="text-t3" />
                    </>
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
