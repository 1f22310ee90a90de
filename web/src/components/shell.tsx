import { useQuery } from '@tanstack/react-query'
import { Outlet, useMatchRoute, useNavigate } from '@tanstack/react-router'
import { Tooltip } from 'radix-ui'
import { Suspense, useEffect } from 'react'
import { sessionQuery } from '~/api/queries'
import { useHotkeys } from '~/hooks/use-hotkeys'
import { useLiking } from '~/hooks/use-liking'
import { part } from '~/i18n/page'
import { texts } from '~/i18n/texts'
import { live } from '~/live/live'
import { startLive } from '~/live/mine'
import { layers, useLayer } from '~/stores/layers'
import { useUploading } from '~/stores/uploading'
import { Banner } from '~/ui/badge'
import { Toaster } from '~/ui/toaster'
import { cx } from '~/util/cx'
import { BottomBar } from './bottom-bar'
import { LineBanner } from './line-banner'
import { OperationsTray } from './operations-tray'
import { SecondStepBanner } from './second-step-banner'
import { ShortcutsDialog } from './shortcuts'
import { Sidebar } from './sidebar'
import { Topbar } from './topbar'
import { ViewAsBanner } from './view-as'

const t = texts('shell')

const Palette = part(() => import('./palette'))
const UploadTray = part(() => import('~/transfers/tray'))

function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>('main input[type="search"]')
  if (field) field.focus()
  else layers.show('palette')
}

export function Shell() {
  const navigate = useNavigate()
  const match = useMatchRoute()
  const layer = useLayer()
  const session = useQuery(sessionQuery)
  const uploading = useUploading()
  useLiking()
  const onServer = Boolean(match({ to: '/servers/$server', fuzzy: true }) && !match({ to: '/servers/new' }))
  useEffect(() => {
    startLive()
    return () => live.stop()
  }, [])
  useHotkeys({
    'mod+k': () => layers.toggle('palette'),
    'g o': () => void navigate({ to: '/' }),
    'g s': () => void navigate({ to: '/servers' }),
    'g n': () => void navigate({ to: '/nodes' }),
    'g e': () => void navigate({ to: '/eggs' }),
    'g p': () => void navigate({ to: '/people' }),
    'g r': () => void navigate({ to: '/roles' }),
    'g a': () => void navigate({ to: '/audit' }),
    c: () => void navigate({ to: '/servers/new' }),
    t: () => layers.toggle('tray'),
    '?': () => layers.show('shortcuts'),
    '/': focusSearch,
  })
  const exposed =
    session.data?.panel.plain_http && !['localhost', '127.0.0.1', '[::1]'].includes(location.hostname)
  return (
    <Tooltip.Provider delayDuration={300}>
      <a
        href="#main"
        className="fixed top-2 left-2 z-(--z-tip) -translate-y-16 rounded-box bg-accent-solid px-3 py-2 text-on-accent focus:translate-y-0"
      >
        {t('to_content')}
      </a>
      <div className="grid h-dvh grid-cols-[auto_minmax(0,1fr)] grid-rows-[auto_minmax(0,1fr)] max-sm:grid-cols-1 max-sm:grid-rows-[minmax(0,1fr)_auto]">
        <Sidebar rail={onServer} />
        <Topbar />
        <main id="main" tabIndex={-1} className="flex min-h-0 min-w-0 flex-col overflow-y-auto outline-none">
          {exposed && (
            <div className="px-6 pt-3 max-sm:px-3">
              <Banner family="warn" shape="look" title={t('exposed.title')}>
                {t('exposed.note')}
              </Banner>
            </div>
          )}
          <ViewAsBanner />
          <SecondStepBanner />
          <LineBanner />
          <Outlet />
        </main>
        <div className={cx('sm:hidden', onServer && 'hidden')}>
          <BottomBar />
        </div>
      </div>
      <OperationsTray />
      <ShortcutsDialog />
      {layer === 'palette' && (
        <Suspense>
          <Palette />
        </Suspense>
      )}
      {uploading && (
        <Suspense>
          <UploadTray />
        </Suspense>
      )}
      <Toaster />
    </Tooltip.Provider>
  )
}
