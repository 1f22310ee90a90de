import { Link, useLocation, useNavigate } from '@tanstack/react-router'
import {
  Ellipsis,
  LayoutDashboard,
  ListChecks,
  LogOut,
  type LucideIcon,
  Network,
  Search,
  Server,
  User,
} from 'lucide-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { useMay } from '~/hooks/use-may'
import { useSignOut } from '~/hooks/use-sign-out'
import { texts } from '~/i18n/texts'
import { layers } from '~/stores/layers'
import { Menu, MenuItem, MenuLine } from '~/ui/menu'
import { ADMIN_PLACES, openTo, PLACES } from './nav'

const t = texts('shell')

export const TAB =
  'flex flex-col items-center justify-center gap-1 px-1 text-12 whitespace-nowrap text-t2 data-[status=active]:font-medium data-[status=active]:text-accent'

/** More places than fit are reached by a swipe; the one that is open is in view. */
export function BarFrame({ children, label }: { children: ReactNode; label: string }) {
  const bar = useRef<HTMLElement>(null)
  const path = useLocation({ select: ({ pathname }) => pathname })
  // biome-ignore lint/correctness/useExhaustiveDependencies: another path, another place that is open
  useEffect(() => {
    const open = bar.current?.querySelector('[data-status=active]')
    open?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' })
  }, [path])
  return (
    <nav
      ref={bar}
      aria-label={label}
      className="grid auto-cols-[minmax(68px,1fr)] grid-flow-col overflow-x-auto [scrollbar-width:none] border-t border-line bg-surface pb-[max(8px,env(safe-area-inset-bottom))] sm:hidden"
    >
      {children}
    </nav>
  )
}

export function BarIcon({ icon: Icon }: { icon: LucideIcon }) {
  return <Icon aria-hidden="true" size={20} strokeWidth={1.6} />
}

/** Under 640 px the fleet's places stand at the thumb. */
export function BottomBar() {
  const navigate = useNavigate()
  const signOut = useSignOut()
  const mine = useMay()
  const rest = openTo(mine, [...PLACES.filter((p) => p.to === '/eggs'), ...ADMIN_PLACES])
  return (
    <BarFrame label={t('nav.main')}>
      <Link to="/" activeOptions={{ exact: true, includeSearch: false }} className={`${TAB} h-14`}>
        <BarIcon icon={LayoutDashboard} />
        {t('place.overview')}
      </Link>
      <Link to="/servers" className={`${TAB} h-14`}>
        <BarIcon icon={Server} />
        {t('place.servers')}
      </Link>
      {mine.somewhere('node.read') && (
        <Link to="/nodes" className={`${TAB} h-14`}>
          <BarIcon icon={Network} />
          {t('place.nodes')}
        </Link>
      )}
      <button type="button" className={`${TAB} h-14`} onClick={() => layers.show('palette')}>
        <BarIcon icon={Search} />
        {t('bar.find')}
      </button>
      <Menu
        trigger={
          <button type="button" className={`${TAB} h-14`}>
            <BarIcon icon={Ellipsis} />
            {t('bar.more')}
          </button>
        }
      >
        {rest.map((place) => (
          <MenuItem key={place.to} icon={place.icon} onSelect={() => void navigate({ to: place.to })}>
            {t(place.label)}
          </MenuItem>
        ))}
        <MenuItem icon={ListChecks} onSelect={() => layers.show('tray')}>
          {t('bar.operations')}
        </MenuItem>
        <MenuLine />
        <MenuItem icon={User} onSelect={() => void navigate({ to: '/account' })}>
          {t('bar.account')}
        </MenuItem>
        <MenuItem icon={LogOut} onSelect={signOut}>
          {t('sign_out')}
        </MenuItem>
      </Menu>
    </BarFrame>
  )
}
