import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Suspense } from 'react'
import { serverQuery } from '~/api/queries'
import { limitsOf, type Server } from '~/api/types'
import { ChartColumn, ChartStrip, RangePicker, useServerPanels } from '~/components/metric-charts'
import { useMedia } from '~/hooks/use-media'
import { part } from '~/i18n/page'
import { useServerLive } from '~/live/hooks'

const Console = part(() => import('~/components/console'))

export function ServerConsolePage() {
  const { server: id } = useParams({ from: '/app/servers/$server/' })
  const { data: server } = useQuery(serverQuery(id))
  if (!server) return null
  return <Loaded server={server} />
}

function Loaded({ server }: { server: Server }) {
  const { range } = useSearch({ from: '/app/servers/$server/' })
  const navigate = useNavigate({ from: '/servers/$server' })
  const live = useServerLive(server.id)
  const wide = useMedia('(min-width: 1100px)')
  const data = useServerPanels(server.id, live, limitsOf(server.limits), range)
  return (
    <div className="flex min-h-0 flex-1 gap-4 p-4 px-6 max-lg:flex-col max-sm:gap-0 max-sm:p-0">
      {!wide && <ChartStrip {...data} />}
      <Suspense fallback={<div className="flex-1 rounded-box border border-line bg-term-bg" />}>
        <Console key={server.id} server={server} live={live} />
      </Suspense>
      {wide && (
        <ChartColumn
          data={data}
          head={
            <RangePicker
              value={range}
              onChange={(next) =>
                void navigate({ search: (before) => ({ ...before, range: next }), replace: true })
              }
            />
          }
        />
      )}
    </div>
  )
}
