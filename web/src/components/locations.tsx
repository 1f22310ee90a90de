import { useQuery } from '@tanstack/react-query'
import { useLocation } from '@tanstack/react-router'
import { MapPin, Plus } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { api, must } from '~/api/client'
import { locationsQuery } from '~/api/people'
import { keys } from '~/api/queries'
import type { Location } from '~/api/types'
import { LocationDialog, type Placing } from '~/forms/location-edit'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'

import { CredentialRow, TakeBack } from './credentials'
import { ProblemView } from './problem-view'

const t = texts('locations')

/** The places that nodes stand at: a role can be given over one of them. */
export function Locations() {
  const { may } = useMay()
  const locations = useQuery({ ...locationsQuery, enabled: may('node.read') })
  const { hash } = useLocation()
  const card = useRef<HTMLDivElement>(null)
  const [placing, setPlacing] = useState<Placing>()
  const [removing, setRemoving] = useState<Location>()
  const off = may('location.update') ? false : t('no_right')
  const there = locations.data !== undefined
  useEffect(() => {
    if (hash === 'locations' && there) card.current?.scrollIntoView({ block: 'nearest' })
  }, [hash, there])
  if (!may('node.read') || locations.isPending) return null
  return (
    <div ref={card} id="locations" className="mt-6">
      <Card>
        <CardHead title={t('title')} note={locations.data?.length}>
          <Button size="sm" icon={Plus} off={off} onClick={() => setPlacing('new')}>
            {t('new')}
          </Button>
        </CardHead>
        {locations.isError && (
          <div className="p-4">
            <ProblemView error={locations.error} onRetry={() => void locations.refetch()} />
          </div>
        )}
        {locations.data?.length === 0 && <p className="px-4 py-3 text-t2">{t('none')}</p>}
        <ul aria-label={t('title')}>
          {locations.data?.map((location) => (
            <CredentialRow
              key={location.id}
              icon={MapPin}
              name={location.name}
              facts={[
                t('nodes', { n: location.nodes }),
                ...(location.description
                  ? [
                      <span key="description" className="whitespace-normal [overflow-wrap:anywhere]">
                        {location.description}
                      </span>,
                    ]
                  : []),
              ]}
              action={
                <span className="flex gap-2">
                  <Button
                    size="sm"
                    off={off}
                    aria-label={t('change_one', { name: location.name })}
                    onClick={() => setPlacing(location)}
                  >
                    {t('change')}
                  </Button>
                  <Button
                    size="sm"
                    look="danger"
                    off={off || (location.nodes > 0 && t('in_use', { n: location.nodes }))}
                    aria-label={t('delete_one', { name: location.name })}
                    onClick={() => setRemoving(location)}
                  >
                    {t('delete')}
                  </Button>
                </span>
              }
            />
          ))}
        </ul>
      </Card>
      <LocationDialog placing={placing} onClose={() => setPlacing(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('delete_title', { name: removing?.name ?? '' })}
        verb={t('delete')}
        failed={t('delete_failed')}
        list={keys.locations}
        take={({ id }) => must(api.DELETE('/locations/{location}', { params: { path: { location: id } } }))}
      >
        {t('delete_note')}
      </TakeBack>
    </div>
  )
}
