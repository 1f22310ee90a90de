import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation, useNavigate, useParams } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { serverQuery } from '~/api/queries'
import type { Server } from '~/api/types'
import { BarFrame, BarIcon, TAB } from '~/components/bottom-bar'
import { ConflictBanners } from '~/components/conflicts'
import { PageProblem } from '~/components/page-states'
import { ServerHeader, serverTabs } from '~/components/server-header'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Menu, MenuItem } from '~/ui/menu'
import { useSlow } from '~/ui/wait'
import { shownState, tabWord } from '~/util/state'

const t = texts('server')
const servers = texts('servers')
const common = texts('common')
const shell = texts('shell')

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
      <PhoneTabs server={server} />
    </div>
  )
}

/** So many places fit at the thumb beside "More". */
const FIT = 4
/** Those that are wanted most under way. */
const FIRST: readonly string[] = ['console', 'files', 'backups', 'databases']

/** Under 640 px the places of a server stand at the thumb; what does not fit is behind "More". */
function PhoneTabs({ server }: { server: Server }) {
  const navigate = useNavigate()
  const path = useLocation({ select: ({ pathname }) => pathname })
  const tabs = serverTabs(server)
  const few = tabs.length <= FIT + 1
  const rank = (name: string) => FIRST.indexOf(name)
  const first = few
    ? tabs
    : tabs.filter(({ name }) => rank(name) >= 0).sort((a, b) => rank(a.name) - rank(b.name))
  const more = tabs.filter((tab) => !first.includes(tab))
  const params = { server: server.id }
  const here = more.some(({ name }) => path.endsWith(`/${server.id}/${name}`))
  return (
    <BarFrame label={t('nav')}>
      {first.map((tab) => (
        <Link
          key={tab.to}
          to={tab.to}
          params={params}
          activeOptions={{ exact: true, includeSearch: false }}
          className={`${TAB} h-14`}
        >
          <BarIcon icon={tab.icon} />
          {tab.short}
        </Link>
      ))}
      {more.length > 0 && (
        <Menu
          trigger={
            <button type="button" data-status={here ? 'active' : undefined} className={`${TAB} h-14`}>
              <BarIcon icon={Ellipsis} />
              {shell('bar.more')}
            </button>
          }
        >
          {more.map((tab) => (
            <MenuItem key={tab.to} icon={tab.icon} onSelect={() => void navigate({ to: tab.to, params })}>
              {tab.word}
            </MenuItem>
          ))}
        </Menu>
      )}
    </BarFrame>
  )
}
