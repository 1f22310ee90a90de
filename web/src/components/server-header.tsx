import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import {
  Archive,
  ChevronLeft,
  Copy,
  Database,
  Ellipsis,
  Folder,
  History,
  ListChecks,
  type LucideIcon,
  Network,
  ScrollText,
  Settings,
  Skull,
  SquareTerminal,
  Users,
} from 'lucide-react'
import { useState } from 'react'
import { operationsQuery } from '~/api/queries'
import type { Server } from '~/api/types'
import { texts } from '~/i18n/texts'
import { layers } from '~/stores/layers'
import { GameTile } from '~/ui/bits'
import { Button } from '~/ui/button'
import { copyText } from '~/ui/copy'
import { Address } from '~/ui/copy-box'
import { Confirm } from '~/ui/dialog'
import { Menu, MenuItem } from '~/ui/menu'
import { Ago, Since } from '~/ui/time'
import { cx } from '~/util/cx'
import { gameIcon } from '~/util/game-icon'
import { FAMILY, pendingIntent, powerOff, shownState } from '~/util/state'
import { visible } from '~/util/visible'
import { countsText, isActive, seenFailures } from './operations-tray'
import { PowerButtons, usePower } from './power'
import { reasonOf, StateNote } from './server-bits'
import { StateBadge } from './state-badge'

const t = texts('server')
const common = texts('common')
const state = texts('state')
const ops = texts('operations')

interface Tab {
  to:
    | '/servers/$server'
    | '/servers/$server/files'
    | '/servers/$server/install'
    | '/servers/$server/databases'
    | '/servers/$server/backups'
    | '/servers/$server/users'
    | '/servers/$server/activity'
    | '/servers/$server/settings'
  name: 'console' | 'files' | 'install' | 'databases' | 'backups' | 'users' | 'activity' | 'settings'
  icon: LucideIcon
  /** What one needs to have on the server for it. */
  key?: string
}
const TABS: Tab[] = [
  { to: '/servers/$server', name: 'console', icon: SquareTerminal },
  { to: '/servers/$server/files', name: 'files', icon: Folder },
  { to: '/servers/$server/install', name: 'install', icon: ScrollText },
  { to: '/servers/$server/databases', name: 'databases', icon: Database, key: 'database.read' },
  { to: '/servers/$server/backups', name: 'backups', icon: Archive, key: 'backup.read' },
  { to: '/servers/$server/users', name: 'users', icon: Users, key: 'user.read' },
  { to: '/servers/$server/activity', name: 'activity', icon: History, key: 'activity.read' },
  { to: '/servers/$server/settings', name: 'settings', icon: Settings },
]

/** The places of a server that the reader may go to; in short for the bar of a phone. */
export function serverTabs({ permissions }: Server): Array<Tab & { word: string; short: string }> {
  return TABS.filter(({ key }) => !key || permissions.includes(key)).map((tab) => ({
    ...tab,
    word: t(`tab.${tab.name}`),
    short: t(`tab_short.${tab.name}`),
  }))
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
      {t.rich('up_for', {
        word: (inner) => <span className="max-sm:sr-only">{inner}</span>,
        since: (
          <span className="font-medium text-t1">
            <Since at={server.run?.started_at ?? server.state_since} />
          </span>
        ),
      })}
    </span>
  )
}

/** Where there is room for an age only: the banner below says the rest. */
function ShortUptime({ server }: { server: Server }) {
  const state = shownState(server)
  if (state === 'crashed' || state === 'error') return <Ago at={server.state_since} />
  if (FAMILY[state] === 'warn' || state === 'installing') return null
  return <Uptime server={server} />
}

/** Running and failed operations as one mark: on the phone the tray is in the menu behind it. */
function OperationsMark({ running, failed }: { running: number; failed: number }) {
  if (running + failed === 0) return null
  return (
    <span
      aria-hidden="true"
      className={cx(
        'pointer-events-none absolute top-2 right-2 size-2 rounded-pill border-2 border-surface box-content sm:hidden',
        failed > 0 ? 'bg-fail-dot' : 'bg-move-dot',
      )}
    />
  )
}

export function ServerHeader({ server }: { server: Server }) {
  const navigate = useNavigate()
  const [killing, setKilling] = useState(false)
  const order = usePower(server)
  const address = server.address?.display
  const image = visible(server.images.find((i) => i.image === server.image)?.label ?? server.image)
  const operations = useQuery(operationsQuery)
  const running = operations.data?.filter(isActive).length ?? 0
  const failed = seenFailures(operations.data)
  const counts = countsText(running, failed)
  const more = (
    <Menu
      trigger={
        <Button iconOnly icon={Ellipsis} className="max-sm:border-transparent max-sm:bg-transparent">
          {t('more')}
        </Button>
      }
    >
      {address && (
        <MenuItem icon={Copy} onSelect={() => void copyText(address)}>
          {common('copy.address')}
        </MenuItem>
      )}
      <MenuItem icon={Copy} onSelect={() => void copyText(server.id)}>
        {common('copy.id')}
      </MenuItem>
      <MenuItem
        icon={Network}
        onSelect={() => void navigate({ to: '/nodes/$node', params: { node: server.node.id } })}
      >
        {t('open_node', { node: server.node.name })}
      </MenuItem>
      <MenuItem
        icon={ListChecks}
        hint={counts && <span className="num text-12 text-t3">{counts}</span>}
        onSelect={() => layers.show('tray')}
      >
        {ops('title')}
      </MenuItem>
      <MenuItem
        icon={Settings}
        onSelect={() => void navigate({ to: '/servers/$server/settings', params: { server: server.id } })}
      >
        {t('tab.settings')}
      </MenuItem>
      <MenuItem icon={Skull} danger off={powerOff(server, 'kill')} onSelect={() => setKilling(true)}>
        {state('power.kill')}
      </MenuItem>
    </Menu>
  )
  return (
    <div className="bg-surface max-sm:border-b max-sm:border-line">
      <div className="flex items-center gap-3 px-6 pt-4 pb-3 max-sm:gap-0 max-sm:px-1 max-sm:pt-1.5 max-sm:pb-1">
        <Link
          to="/servers"
          aria-label={t('all')}
          className="inline-flex size-11 items-center justify-center sm:hidden"
        >
          <ChevronLeft aria-hidden="true" size={20} />
        </Link>
        <span className="max-sm:hidden">
          <GameTile large icon={gameIcon(server.egg.name)} />
        </span>
        <div className="min-w-0 flex-1 max-sm:pr-2">
          <div className="flex items-center gap-2.5 max-sm:gap-2">
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
              className="hit inline-flex items-center gap-1.5 hover:text-t1"
            >
              <Network aria-hidden="true" size={14} strokeWidth={1.75} />
              {server.node.name}
            </Link>
            <span className="truncate">
              {server.egg.name} · {image}
            </span>
            {server.last_exit && shownState(server) !== 'running' && (
              <span className="truncate">
                {t(server.last_exit.oom ? 'last_exit_oom' : 'last_exit', { code: server.last_exit.code })}
              </span>
            )}
          </div>
        </div>
        <div className="flex items-center gap-2.5 max-sm:hidden">
          <PowerButtons server={server} />
          {more}
        </div>
        <div className="flex items-center gap-1 sm:hidden">
          <PowerButtons server={server} compact />
          <span className="relative">
            {more}
            <OperationsMark running={running} failed={failed} />
          </span>
        </div>
      </div>
      <div className="flex h-9 items-center gap-2 px-4 pb-2 text-t2 sm:hidden">
        {address && <Address strong text={address} />}
        <span className="flex min-w-0 flex-1 justify-end">
          <ShortUptime server={server} />
        </span>
      </div>
      <nav
        aria-label={t('nav')}
        className="flex h-10 gap-1 overflow-x-auto border-b border-line px-5 max-sm:hidden"
      >
        {serverTabs(server).map((tab) => (
          <Link
            key={tab.to}
            to={tab.to}
            params={{ server: server.id }}
            activeOptions={{ exact: true, includeSearch: false }}
            className="tx relative flex items-center px-2 font-[450] whitespace-nowrap text-t2 hover:text-t1 data-[status=active]:font-medium data-[status=active]:text-t1 data-[status=active]:after:absolute data-[status=active]:after:inset-x-2 data-[status=active]:after:bottom-0 data-[status=active]:after:h-0.5 data-[status=active]:after:bg-accent"
          >
            {tab.word}
          </Link>
        ))}
      </nav>
      <Confirm
        open={killing}
        onClose={() => setKilling(false)}
        title={t('kill_title', { server: server.name })}
        verb={state('power.kill')}
        onConfirm={() => order.mutateAsync('kill')}
      >
        {t('kill_note')}
        {reasonOf(server) ? ` (${reasonOf(server)})` : ''}
      </Confirm>
    </div>
  )
}
