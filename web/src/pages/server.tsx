import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useParams } from '@tanstack/react-router'
import { serverQuery } from '~/api/queries'
import { BarFrame, BarIcon, TAB } from '~/components/bottom-bar'
import { ConflictBanners } from '~/components/conflicts'
import { PageProblem } from '~/components/page-states'
import { ServerHeader, serverTabs } from '~/components/server-header'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { useSlow } from '~/ui/wait'
import { shownState, tabWord } from '~/util/state'

const t = texts('server')
const servers = texts('servers')
const common = texts('common')

export function ServerPage() {
  const { server: id } = useParams({ from: '/app/servers/$server' })
  const query = useQuery(serverQuery(id))
  const slow = useSlow()
  const server = query.data
  usePage(server ? `${server.name} · ${tabWord(shownState(server))}` : t('nav'), [
    { label: servers('title'), to: '/servers' },
    { label: server?.name ?? '' },
  ])
  if (query.isError && !server) {
    return (
      <PageProblem what="server" list="/servers" error={query.error} onRetry={() => void query.refetch()} />
    )
  }
  // The header's place is kept while it loads: nothing moves when the name arrives.
  if (!server)
    return (
      <div className="h-[112px] border-b border-line bg-surface max-sm:h-[93px]">
        {slow && <span className="sr-only">{common('loading')}</span>}
      </div>
    )
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <ServerHeader server={server} />
      <ConflictBanners server={server} />
      <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
        <Outlet />
      </div>
      <BarFrame label={t('nav')}>
        {serverTabs(server).map((tab) => (
          <Link
            key={tab.to}
            to={tab.to}
            params={{ server: id }}
            activeOptions={{ exact: true, includeSearch: false }}
            className={`${TAB} h-14`}
          >
            <BarIcon icon={tab.icon} />
            {tab.short}
          </Link>
        ))}
      </BarFrame>
    </div>
  )
}
