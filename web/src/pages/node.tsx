import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { ChevronLeft, Network } from 'lucide-react'
import { api, must } from '~/api/client'
import { allocationsQuery, nodeQuery } from '~/api/nodes'
import { keys, queryClient } from '~/api/queries'
import type { Node } from '~/api/types'
import { JoinDialog } from '~/components/join-dialog'
import { PageProblem } from '~/components/page-states'
import { useLocationNames } from '~/hooks/use-location-names'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { toast } from '~/stores/toasts'
import { Banner } from '~/ui/badge'
import { GameTile, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Address } from '~/ui/copy-box'
import { Ago, Since } from '~/ui/time'
import { sentence } from '~/util/format'
import { nodeShown } from '~/util/state'
import { NodeBadge } from './nodes'

const t = texts('node')

const TABS = [
  { to: '/nodes/$node', name: 'overview' },
  { to: '/nodes/$node/allocations', name: 'allocations' },
  { to: '/nodes/$node/settings', name: 'settings' },
] as const

/** "fsn-01 · healthy". */
function pageOf(node: Node): string {
  const look = node.state === 'online' && nodeShown(node).family !== 'run'
  return t('page.of', { name: node.name, state: look ? 'look' : node.state })
}

export function NodePage() {
  const { node: id } = useParams({ from: '/app/nodes/$node' })
  const { join } = useSearch({ from: '/app/nodes/$node' })
  const navigate = useNavigate()
  const setJoin = (open: boolean) =>
    void navigate({ to: '.', search: (now) => ({ ...now, join: open || undefined }), replace: true })
  const query = useQuery(nodeQuery(id))
  const allocations = useQuery(allocationsQuery(id))
  const places = useLocationNames()
  const node = query.data
  usePage(node ? pageOf(node) : t('page'), [{ label: t('list'), to: '/nodes' }, { label: node?.name ?? '' }])
  if (query.isError && !node) {
    return <PageProblem what="node" list="/nodes" error={query.error} onRetry={() => void query.refetch()} />
  }
  if (!node) return <div className="h-[116px] border-b border-line bg-surface" />
  const used = allocations.data?.filter((a) => a.server).length
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="bg-surface">
        <div className="flex items-center gap-3 px-6 pt-4 pb-3 max-sm:gap-1 max-sm:px-1 max-sm:py-2">
          <Link
            to="/nodes"
            aria-label={t('all')}
            className="inline-flex size-11 items-center justify-center sm:hidden"
          >
            <ChevronLeft aria-hidden="true" size={20} />
          </Link>
          <span className="max-sm:hidden">
            <GameTile large icon={Network} />
          </span>
          <div className="min-w-0 flex-1">
            <div className="flex items-center gap-2.5">
              <h1 className="title truncate text-20 leading-6">{node.name}</h1>
              <NodeBadge node={node} />
              <span className="truncate text-t2 max-sm:hidden">
                {node.state === 'online'
                  ? t.rich('head.online', { b: strong, span: <Since at={node.since} /> })
                  : t.rich('head.since', { b: strong, when: <Ago at={node.since} /> })}
              </span>
            </div>
            <div className="mt-0.5 flex h-6 items-center gap-3 overflow-hidden whitespace-nowrap text-t2 max-sm:hidden [&>*+*]:border-l [&>*+*]:border-line-2 [&>*+*]:pl-3 [&>*+*]:leading-3">
              <Address text={node.player_address || node.host.addresses[0] || node.host.hostname} />
              {node.location && places.has(node.location) && <span>{places.get(node.location)}</span>}
              <span>{t('head.agent', { version: node.host.agent_version })}</span>
              <span className="truncate">
                {t('head.host', {
                  os: node.host.os,
                  kernel: node.host.kernel,
                  containerd: node.host.containerd_version,
                })}
              </span>
              {Object.keys(node.labels).length > 0 && (
                <span className="flex gap-1.5 leading-5!">
                  {Object.entries(node.labels).map(([key, value]) => (
                    <Tag key={key}>{value === 'true' ? key : `${key}=${value}`}</Tag>
                  ))}
                </span>
              )}
            </div>
          </div>
        </div>
        <nav
          aria-label={t('page')}
          className="flex h-10 gap-1 overflow-x-auto border-b border-line px-5 max-sm:h-[45px] max-sm:px-2"
        >
          {TABS.map((tab) => (
            <Link
              key={tab.to}
              to={tab.to}
              params={{ node: id }}
              activeOptions={{ exact: true, includeSearch: false }}
              className="tx relative flex items-center gap-1.5 px-2 font-[450] whitespace-nowrap text-t2 hover:text-t1 data-[status=active]:font-medium data-[status=active]:text-t1 data-[status=active]:after:absolute data-[status=active]:after:inset-x-2 data-[status=active]:after:bottom-0 data-[status=active]:after:h-0.5 data-[status=active]:after:bg-accent"
            >
              {t(`tab.${tab.name}`)}
              {tab.name === 'allocations' && allocations.data && (
                <span className="num text-12 text-t3">
                  {used}/{allocations.data.length}
                </span>
              )}
            </Link>
          ))}
        </nav>
      </div>
      <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
        <NodeBanners node={node} onTakeBack={() => setJoin(true)} />
        <Outlet />
      </div>
      <JoinDialog open={join === true} onClose={() => setJoin(false)} node={node} />
    </div>
  )
}

function strong(inner: React.ReactNode) {
  return <span className="font-medium text-t1">{inner}</span>
}

function NodeBanners({ node, onTakeBack }: { node: Node; onTakeBack: () => void }) {
  const banners: React.ReactNode[] = []
  const takeBack = (
    <Button size="sm" onClick={onTakeBack}>
      {t('take_back')}
    </Button>
  )
  if (node.state === 'offline') {
    banners.push(
      <Banner key="away" family="warn" shape="unreachable" title={t('away')} actions={takeBack}>
        {t.rich('away_note', { since: <Ago at={node.since} />, n: node.pending_changes })}
      </Banner>,
    )
  }
  if (node.state === 'quarantined') banners.push(<Identity key="identity" node={node} />)
  if (node.state === 'revoked') {
    banners.push(
      <Banner key="revoked" family="fail" shape="crashed" title={t('revoked')} actions={takeBack}>
        {t('revoked_note')}
      </Banner>,
    )
  }
  const notes = node.conditions.filter((c) => c.level !== 'info')
  // What is broken stands above what wants a look.
  for (const condition of [
    ...notes.filter((c) => c.level === 'error'),
    ...notes.filter((c) => c.level !== 'error'),
  ]) {
    const said = sentence(condition.message)
    const muted = condition.code === 'muted'
    const error = condition.level === 'error'
    banners.push(
      <Banner
        key={condition.code}
        family={error ? 'fail' : 'warn'}
        shape={error ? 'error' : 'look'}
        title={muted ? t('muted') : said}
      >
        {muted && said}
      </Banner>,
    )
  }
  if (banners.length === 0) return null
  return <div className="flex flex-col gap-2 px-6 pt-4 max-sm:px-3">{banners}</div>
}

/** Two machines with one identity: a clone or a restored image. Only a person can say which one it is. */
function Identity({ node }: { node: Node }) {
  async function keep(which: 'current' | 'newcomer') {
    try {
      await must(
        api.POST('/nodes/{node}/identity', { params: { path: { node: node.id } }, body: { keep: which } }),
      )
      await queryClient.invalidateQueries({ queryKey: keys.node(node.id) })
    } catch (error) {
      toast.error(t('identity.failed'), error)
    }
  }
  return (
    <Banner
      family="warn"
      shape="look"
      title={t('identity')}
      actions={
        <>
          <Button size="sm" onClick={() => void keep('current')}>
            {t('identity.current')}
          </Button>
          <Button size="sm" onClick={() => void keep('newcomer')}>
            {t('identity.newcomer')}
          </Button>
        </>
      }
    >
      {t('identity.note')}
    </Banner>
  )
}
