import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleHelp } from 'lucide-react'
import { nodesQuery } from '~/api/queries'
import { tallyQuery } from '~/api/server-lists'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { layers } from '~/stores/layers'
import { Kbd } from '~/ui/bits'
import { cx } from '~/util/cx'
import { count } from '~/util/format'
import { Logo } from './logo'
import { ADMIN_PLACES, openTo, PLACES, type Place } from './nav'

const t = texts('shell')

const ROW =
  'tx flex h-8 items-center gap-2.5 rounded-in px-3 font-[450] whitespace-nowrap text-t2 hover:text-t1 data-[status=active]:bg-surface-3 data-[status=active]:font-medium data-[status=active]:text-t1'

/** 208 wide on fleet pages, folded to a 56 rail on a server's page; the icons stay where they are. */
export function Sidebar({ rail }: { rail: boolean }) {
  const mine = useMay()
  const tally = useQuery(tallyQuery)
  const nodes = useQuery({ ...nodesQuery, enabled: mine.somewhere('node.read') })
  const counts: Partial<Record<Place['to'], number | undefined>> = {
    '/servers': tally.data?.total,
    '/nodes': nodes.data?.length,
  }
  // What needs no right is nobody's administration.
  const admin = openTo(mine, ADMIN_PLACES)
  const row = (place: Place) => (
    <Link
      key={place.to}
      to={place.to}
      activeOptions={{ exact: place.to === '/', includeSearch: false }}
      className={ROW}
      title={rail ? t(place.label) : undefined}
      aria-label={t(place.label)}
    >
      <place.icon aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0" />
      {!rail && <span className="truncate max-md:hidden">{t(place.label)}</span>}
      {!rail && counts[place.to] !== undefined && (
        <span className="num ml-auto text-12 font-normal text-t3 max-md:hidden">
          {count(counts[place.to] ?? 0)}
        </span>
      )}
    </Link>
  )
  return (
    <aside
      className={cx(
        'row-span-2 flex flex-col border-r border-line bg-surface px-2 pb-2 max-sm:hidden',
        rail ? 'w-(--w-rail)' : 'w-(--w-side) max-md:w-(--w-rail)',
      )}
    >
      <Link
        to="/"
        className="flex h-12 items-center gap-2.5 px-2.5 text-14 font-semibold"
        aria-label={t('nav.home')}
      >
        <Logo />
        {!rail && <span className="max-md:hidden">Warren</span>}
      </Link>
      <nav aria-label={t('nav.main')} className="mt-2 flex flex-1 flex-col gap-0.5">
        {openTo(mine, PLACES).map(row)}
        {rail || !admin.some(({ key }) => key) ? (
          <div className="h-3" />
        ) : (
          <div className="px-3 pt-4 pb-1.5 text-12 text-t3 max-md:invisible">{t('nav.administration')}</div>
        )}
        {admin.map(row)}
      </nav>
      <button
        type="button"
        className={ROW}
        onClick={() => layers.show('shortcuts')}
        aria-label={t('help')}
        title={rail ? t('help') : undefined}
      >
        <CircleHelp aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0" />
        {!rail && <span className="truncate max-md:hidden">{t('help')}</span>}
        {!rail && (
          <span className="-mr-1.5 ml-auto max-md:hidden">
            <Kbd>?</Kbd>
          </span>
        )}
      </button>
    </aside>
  )
}
