import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useParams } from '@tanstack/react-router'
import {
  ChevronLeft,
  Copy,
  Ellipsis,
  Folder,
  type LucideIcon,
  Network,
  ScrollText,
  Settings,
  Skull,
  SquareTerminal,
} from 'lucide-react'
import { useState } from 'react'
import { serverQuery } from '~/api/queries'
import type { Server } from '~/api/types'
import { BarFrame, BarIcon, TAB } from '~/components/bottom-bar'
import { ConflictBanners } from '~/components/conflicts'
import { Page } from '~/components/page-head'
import { PowerButtons, usePower } from '~/components/power'
import { ProblemView } from '~/components/problem-view'
import { reasonOf, StateNote } from '~/components/server-bits'
import { OperationsButton } from '~/components/topbar'
import { usePage } from '~/stores/page'
import { StateBadge } from '~/ui/badge'
import { GameTile } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Address, copyText } from '~/ui/copy'
import { Confirm } from '~/ui/dialog'
import { Menu, MenuItem } from '~/ui/menu'
import { Since } from '~/ui/time'
import { useSlow } from '~/ui/wait'
import { gameIcon } from '~/util/game-icon'
import { pendingIntent, powerOff, shownState, WORD } from '~/util/state'

interface Tab {
  to: '/servers/$server' | '/servers/$server/files' | '/servers/$server/install' | '/servers/$server/settings'
  label: string
  icon: LucideIcon
}
const TABS: Tab[] = [
  { to: '/servers/$server', label: 'Console', icon: SquareTerminal },
  { to: '/servers/$server/files', label: 'Files', icon: Folder },
  { to: '/servers/$server/install', label: 'Install log', icon: ScrollText },
  { to: '/servers/$server/settings', label: 'Settings', icon: Settings },
]

export function ServerPage() {
  const { server: id } = useParams({ from: '/app/servers/$server' })
  const query = useQuery(serverQuery(id))
  const slow = useSlow()
  const server = query.data
  usePage(server ? `${server.name} · ${WORD[shownState(server)].toLowerCase()}` : 'Server', [
    { label: 'Servers', to: '/servers' },
    { label: server?.name ?? '' },
  ])
  if (query.isError && !server) {
    return (
      <Page>
        <ProblemView error={query.error} onRetry={() => void query.refetch()} />
      </Page>
    )
  }
  // The header's place is kept while it loads: nothing moves when the name arrives.
  if (!server)
    return (
      <div className="h-[116px] border-b border-line bg-surface">
        {slow && <span className="sr-only">Loading</span>}
      </div>
    )
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <Header server={server} />
      <ConflictBanners server={server} />
      <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
        <Outlet />
      </div>
      <BarFrame label="Server">
        {TABS.map((tab) => (
          <Link
            key={tab.to}
            to={tab.to}
            params={{ server: id }}
            activeOptions={{ exact: true, includeSearch: false }}
            className={`${TAB} h-14`}
          >
            <BarIcon icon={tab.icon} />
            {tab.label}
          </Link>
        ))}
      </BarFrame>
    </div>
  )
}

function Uptime({ server }: { server: Server }) {
  const intent = pendingIntent(server)
  const state = shownState(server)
  if (intent || state !== 'running') {
    return (
      <span className="truncate text-t2">
        <StateNote server={server} />
      </span>
    )
  }
  return (
    <span className="whitespace-nowrap text-t2">
      <span className="max-sm:sr-only">for</span>{' '}
      <span className="font-medium text-t1">
        <Since at={server.run?.started_at ?? server.state_since} />
      </span>
    </span>
  )
}

function Header({ server }: { server: Server }) {
  const navigate = useNavigate()
  const [killing, setKilling] = useState(false)
  const order = usePower(server)
  const address = server.address?.display
  const image = server.images.find((i) => i.image === server.image)?.label ?? server.image
  const more = (
    <Menu
      trigger={
        <Button iconOnly icon={Ellipsis} className="max-sm:border-transparent max-sm:bg-transparent">
          More
        </Button>
      }
    >
      {address && (
        <MenuItem icon={Copy} onSelect={() => void copyText(address)}>
          Copy address
        </MenuItem>
      )}
      <MenuItem icon={Copy} onSelect={() => void copyText(server.id)}>
        Copy id
      </MenuItem>
      <MenuItem
        icon={Network}
        onSelect={() => void navigate({ to: '/nodes/$node', params: { node: server.node.id } })}
      >
        Open node {server.node.name}
      </MenuItem>
      <MenuItem
        icon={Settings}
        onSelect={() => void navigate({ to: '/servers/$server/settings', params: { server: server.id } })}
      >
        Settings
      </MenuItem>
      <MenuItem icon={Skull} danger off={powerOff(server, 'kill')} onSelect={() => setKilling(true)}>
        Kill
      </MenuItem>
    </Menu>
  )
  return (
    <div className="bg-surface max-sm:border-b max-sm:border-line">
      <div className="flex items-center gap-3 px-6 pt-4 pb-3 max-sm:gap-0 max-sm:py-2 max-sm:pr-1 max-sm:pl-1">
        <Link
          to="/servers"
          aria-label="All servers"
          className="inline-flex size-11 items-center justify-center sm:hidden"
        >
          <ChevronLeft aria-hidden="true" size={20} />
        </Link>
        <span className="max-sm:hidden">
          <GameTile large icon={gameIcon(server.egg.name)} />
        </span>
        <div className="min-w-0 flex-1">
          <div className="flex items-center gap-2.5">
            <h1 className="title truncate text-20 leading-6 max-sm:text-16">{server.name}</h1>
            <StateBadge state={shownState(server)} />
            <span className="max-sm:hidden">
              <Uptime server={server} />
            </span>
          </div>
          <div className="mt-0.5 flex h-6 items-center gap-3 overflow-hidden whitespace-nowrap text-t2 max-sm:hidden [&>*+*]:border-l [&>*+*]:border-line-2 [&>*+*]:pl-3 [&>*+*]:leading-3">
            {address && <Address strong text={address} />}
            <Link
              to="/nodes/$node"
              params={{ node: server.node.id }}
              className="inline-flex items-center gap-1.5 hover:text-t1"
            >
              <Network aria-hidden="true" size={14} strokeWidth={1.75} />
              {server.node.name}
            </Link>
            <span className="truncate">
              {server.egg.name} · {image}
            </span>
            {server.last_exit && shownState(server) !== 'running' && (
              <span className="truncate">
                last exit {server.last_exit.code}
                {server.last_exit.oom ? ', out of memory' : ''}
              </span>
            )}
          </div>
        </div>
        <div className="flex items-center gap-2.5 max-sm:hidden">
          <PowerButtons server={server} />
          {more}
        </div>
        <div className="flex items-center gap-2 sm:hidden">
          <PowerButtons server={server} compact />
          {more}
        </div>
      </div>
      <div className="flex items-center gap-3 px-4 pb-2 text-t2 sm:hidden">
        {address && <Address strong text={address} />}
        <span className="flex-1" />
        <Uptime server={server} />
        <OperationsButton />
      </div>
      <nav
        aria-label="Server"
        className="flex h-10 gap-1 overflow-x-auto border-b border-line px-5 max-sm:hidden"
      >
        {TABS.map((tab) => (
          <Link
            key={tab.to}
            to={tab.to}
            params={{ server: server.id }}
            activeOptions={{ exact: true, includeSearch: false }}
            className="tx relative flex items-center px-2 font-[450] whitespace-nowrap text-t2 hover:text-t1 data-[status=active]:font-medium data-[status=active]:text-t1 data-[status=active]:after:absolute data-[status=active]:after:inset-x-2 data-[status=active]:after:bottom-0 data-[status=active]:after:h-0.5 data-[status=active]:after:bg-accent"
          >
            {tab.label}
          </Link>
        ))}
      </nav>
      <Confirm
        open={killing}
        onClose={() => setKilling(false)}
        title={`Kill ${server.name}?`}
        verb="Kill"
        onConfirm={() => order.mutateAsync('kill')}
      >
        The process ends at once, without saving.{reasonOf(server) ? ` (${reasonOf(server)})` : ''}
      </Confirm>
    </div>
  )
}
