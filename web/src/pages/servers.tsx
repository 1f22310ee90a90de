import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { ChevronDown, LayoutGrid, Plus, Rows3 } from 'lucide-react'
import { useMemo, useState } from 'react'
import { merged, serverPagesQuery } from '~/api/server-lists'
import { BulkBar } from '~/components/bulk-bar'
import { LoadMore } from '~/components/load-more'
import { NothingYours } from '~/components/nothing-yours'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { ServerCards } from '~/components/server-cards'
import { ServerTable } from '~/components/server-table'
import { StarterTiles } from '~/components/starters'
import { useFleet } from '~/hooks/use-fleet'
import { useMay } from '~/hooks/use-may'
import { useSettled } from '~/hooks/use-settled'
import { texts } from '~/i18n/texts'
import type { ServerFilter } from '~/router'
import { usePage } from '~/stores/page'
import { Mark } from '~/ui/badge'
import { Card, Chip, Kbd } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Menu, MenuChoice } from '~/ui/menu'
import { Segmented } from '~/ui/segmented'
import { Empty, SkeletonRows } from '~/ui/wait'
import { awayNodes, inFilter, matches, narrowOf } from '~/util/fleet'
import { count } from '~/util/format'

const t = texts('servers')

const FILTERS: Array<{ key: ServerFilter; mark: React.ReactNode }> = [
  { key: 'running', mark: <Mark shape="running" family="run" /> },
  { key: 'moving', mark: <Mark shape="starting" family="move" /> },
  { key: 'failed', mark: <Mark shape="crashed" family="fail" /> },
  { key: 'look', mark: <Mark shape="unreachable" family="warn" /> },
  { key: 'stopped', mark: <Mark shape="stopped" family="stop" /> },
]

export function ServersPage() {
  const search = useSearch({ from: '/app/servers' })
  const navigate = useNavigate({ from: '/servers' })
  const { may, somewhere } = useMay()
  const fleet = useFleet()
  const { whole, total, nodes } = fleet
  const [chosen, setChosen] = useState<Set<string>>(new Set())
  usePage(t('title'))

  // Few are filtered here as one types; many are by control, which knows names, states and nodes.
  const ask = useSettled(search.q)
  const asked =
    whole === false
      ? narrowOf(
          { ...search, q: ask },
          awayNodes(nodes).map((n) => n.id),
        )
      : {}
  const list = useInfiniteQuery({
    ...serverPagesQuery(asked),
    placeholderData: keepPreviousData,
    enabled: whole !== undefined,
  })
  const pages = list.data?.pages
  const shown = useMemo(() => {
    const rows = merged(pages ?? [])
    if (whole !== true) return rows
    return rows
      .filter((s) => matches(s, search.q ?? ''))
      .filter((s) => !search.node || s.node.id === search.node)
      .filter((s) => !search.state || inFilter(s, search.state))
      .sort((a, b) => a.name.localeCompare(b.name))
  }, [pages, whole, search.q, search.node, search.state])
  const selected = shown.filter((s) => chosen.has(s.id))
  const places: Array<{ id: string; name: string }> = whole ? (fleet.servers ?? []).map((s) => s.node) : nodes
  const nodeNames = new Map(places.map((node) => [node.id, node.name]))
  // How many match is known where nothing but a state is asked for.
  const matching =
    search.q || search.node ? undefined : search.state ? fleet.count(search.state) : (total ?? undefined)

  const narrow = (change: Partial<typeof search>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true })
  const pick = (id: string, on: boolean) =>
    setChosen((before) => {
      const next = new Set(before)
      if (on) next.add(id)
      else next.delete(id)
      return next
    })

  if (whole && total === 0) return <NoServers hasNodes={!may('node.create') || nodes.length > 0} />

  return (
    <Page>
      <PageHead title={t('title')} note={total === undefined ? undefined : count(total)}>
        <span className="max-sm:hidden">
          <Segmented
            label={t('view')}
            value={search.view ?? 'table'}
            choices={[
              { value: 'table', label: t('view.table'), icon: Rows3 },
              { value: 'cards', label: t('view.cards'), icon: LayoutGrid },
            ]}
            onChange={(view) => narrow({ view: view === 'cards' ? 'cards' : undefined })}
          />
        </span>
        {somewhere('admin.server.create') && (
          <Link to="/servers/new" className={buttonClass('primary', 'md', false)}>
            <Plus aria-hidden="true" size={14} />
            {t('new')}
          </Link>
        )}
      </PageHead>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <SearchInput
          label={t(whole === false ? 'filter.by_name' : 'filter.by_all')}
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
                      <span className="font-normal text-t2">{t('table.node')}</span>{' '}
                      {nodeNames.get(search.node) ?? t('filter.node_unknown')}
                    </>
                  ) : (
                    <>
                      {t('table.node')}
                      <ChevronDown aria-hidden="true" size={12} className="text-t3" />
                    </>
                  )}
                </Chip>
              }
            >
              <MenuChoice checked={!search.node} onSelect={() => narrow({ node: undefined })}>
                {t('filter.every_node')}
              </MenuChoice>
              {[...nodeNames].map(([id, name]) => (
                <MenuChoice key={id} checked={search.node === id} onSelect={() => narrow({ node: id })}>
                  {name}
                </MenuChoice>
              ))}
            </Menu>
          )}
          {FILTERS.map((f) => {
            const amount = fleet.count(f.key)
            if (!amount && search.state !== f.key) return null
            return (
              <Chip
                key={f.key}
                on={search.state === f.key}
                mark={f.mark}
                count={amount}
                onClick={() => narrow({ state: search.state === f.key ? undefined : f.key })}
              >
                {t(f.key === 'look' && whole === false ? 'filter.unreachable' : `filter.${f.key}`)}
              </Chip>
            )
          })}
        </div>
      </div>
      {fleet.error !== null && fleet.error !== undefined && (
        <ProblemView error={fleet.error} onRetry={fleet.retry} />
      )}
      {list.isError && whole === false && (
        <ProblemView error={list.error} onRetry={() => void list.refetch()} />
      )}
      {list.isPending && !list.isError && !fleet.error && (
        <Card>
          <SkeletonRows rows={8} />
        </Card>
      )}
      {list.data && shown.length === 0 && !list.isPlaceholderData && (
        <Card>
          <Empty
            title={t('filter.none')}
            action={<Button onClick={() => void navigate({ search: {} })}>{t('filter.clear')}</Button>}
          >
            {total === undefined ? t('filter.hidden_all') : t('filter.hidden', { n: total })}
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
          <ServerCards servers={shown} phoneOnly={search.view !== 'cards'} ranked={whole === true} />
          {list.hasNextPage && (
            <LoadMore
              shown={shown.length}
              total={matching}
              busy={list.isFetchingNextPage || list.isPlaceholderData}
              onMore={() => void list.fetchNextPage()}
            />
          )}
        </>
      )}
      {selected.length > 0 && <BulkBar servers={selected} onClear={() => setChosen(new Set())} />}
    </Page>
  )
}

function NoServers({ hasNodes }: { hasNodes: boolean }) {
  const { somewhere } = useMay()
  if (!somewhere('admin.server.create')) {
    return (
      <Page>
        <PageHead title={t('title')} note={0} />
        <NothingYours />
      </Page>
    )
  }
  return (
    <Page>
      <PageHead title={t('title')} note={0} />
      <Card>
        <Empty
          title={t('none.title')}
          action={
            hasNodes ? (
              <Link to="/servers/new" className={buttonClass('primary', 'md', false)}>
                <Plus aria-hidden="true" size={14} />
                {t('new')}
              </Link>
            ) : (
              <Link to="/nodes" search={{ join: true }} className={buttonClass('primary', 'md', false)}>
                {t('none.connect')}
              </Link>
            )
          }
        >
          {hasNodes ? t('none.pick') : t('none.connect_note')}
        </Empty>
      </Card>
      <div className="mt-6">
        <StarterTiles />
      </div>
    </Page>
  )
}
