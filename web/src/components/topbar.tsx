import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { ChevronRight, ListChecks, LogOut, Monitor, Search, User } from 'lucide-react'
import { operationsQuery, sessionQuery } from '~/api/queries'
import { useSignOut } from '~/hooks/use-sign-out'
import { texts } from '~/i18n/texts'
import { layers, useLayer } from '~/stores/layers'
import { useCrumbs } from '~/stores/page'
import { setTheme, type Theme, useTheme } from '~/stores/theme'
import { Avatar, Kbd } from '~/ui/bits'
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from '~/ui/menu'
import { Spinner } from '~/ui/spinner'
import { cx } from '~/util/cx'
import { LanguageChoices } from './language-menu'
import { seenFailures } from './operations-tray'

const t = texts('shell')

const THEMES: Theme[] = ['system', 'dark', 'light', 'contrast']

export function AccountMenu() {
  const session = useQuery(sessionQuery)
  const theme = useTheme()
  const navigate = useNavigate()
  const name = session.data?.user.username ?? ''
  const signOut = useSignOut()
  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label={t('account_of', { name })}
          className="ml-1 inline-flex size-8 items-center justify-center rounded-pill max-sm:size-11"
        >
          <Avatar name={name} />
        </button>
      }
    >
      <MenuLabel>{name}</MenuLabel>
      <MenuItem icon={User} onSelect={() => void navigate({ to: '/account' })}>
        {t('place.account')}
      </MenuItem>
      <MenuLine />
      <MenuLabel>{t('theme')}</MenuLabel>
      {THEMES.map((value) => (
        <MenuChoice key={value} checked={theme === value} onSelect={() => setTheme(value)}>
          {t(`theme.${value}`)}
        </MenuChoice>
      ))}
      <MenuLine />
      <LanguageChoices />
      <MenuLine />
      <MenuItem icon={Monitor} onSelect={() => window.open('/api/docs', '_blank', 'noopener')}>
        {t('api_reference')}
      </MenuItem>
      <MenuItem icon={LogOut} onSelect={signOut}>
        {t('sign_out')}
      </MenuItem>
    </Menu>
  )
}

export function OperationsButton() {
  const operations = useQuery(operationsQuery)
  const open = useLayer() === 'tray'
  const running = operations.data?.filter((o) => o.state === 'running' || o.state === 'pending').length ?? 0
  const failed = seenFailures(operations.data)
  return (
    <button
      type="button"
      aria-label={t('operations_button', { running, failed })}
      aria-expanded={open}
      data-tray-button
      onClick={() => layers.toggle('tray')}
      className={cx(
        'tx relative inline-flex h-8 w-13 items-center justify-center gap-2 rounded-box font-medium text-t2 hover:bg-surface-3 max-sm:h-11',
        open && 'bg-surface-3 text-t1',
      )}
    >
      {running > 0 ? (
        <>
          <Spinner className="text-move-dot" />
          <span className="num">{running}</span>
        </>
      ) : (
        <ListChecks aria-hidden="true" size={16} strokeWidth={1.75} />
      )}
      {failed > 0 && (
        <span className="num absolute -top-1 -right-1 min-w-4 rounded-pill bg-danger-solid px-1 text-12 leading-4 text-on-danger">
          {failed}
        </span>
      )}
    </button>
  )
}

export function Topbar() {
  const crumbs = useCrumbs()
  return (
    <header className="flex h-12 items-center gap-2 border-b border-line bg-surface pr-4 pl-6 max-sm:hidden">
      <nav aria-label={t('nav.breadcrumb')} className="flex min-w-0 items-center gap-2 text-t3">
        {crumbs.map((crumb, at) => (
          <span key={crumb.label} className="flex min-w-0 items-center gap-2">
            {at > 0 && <ChevronRight aria-hidden="true" size={14} className="shrink-0" />}
            {crumb.to ? (
              <Link to={crumb.to} className="tx hit hover:text-t1">
                {crumb.label}
              </Link>
            ) : (
              <span aria-current="page" className="truncate font-medium text-t1">
                {crumb.label}
              </span>
            )}
          </span>
        ))}
      </nav>
      <span className="flex-1" />
      <button
        type="button"
        onClick={() => layers.show('palette')}
        className="tx flex h-8 w-70 items-center gap-2 rounded-box border border-line-2 bg-ground pr-1.5 pl-2.5 text-t3 hover:border-line-3 max-md:w-48"
      >
        <Search aria-hidden="true" size={14} strokeWidth={1.75} />
        <span className="truncate">{t('search')}</span>
        <span className="ml-auto shrink-0">
          <Kbd>{t('key.ctrl_k')}</Kbd>
        </span>
      </button>
      <OperationsButton />
      <AccountMenu />
    </header>
  )
}
