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
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { plural } from '~/util/format'
import { CredentialRow, TakeBack } from './credentials'
import { ProblemView } from './problem-view'

/** The places that nodes stand at: a role can be given over one of them. */
export function Locations() {
  const { may } = useMay()
  const locations = useQuery({ ...locationsQuery, enabled: may('node.read') })
  const { hash } = useLocation()
  const card = useRef<HTMLDivElement>(null)
  const [placing, setPlacing] = useState<Placing>()
  const [removing, setRemoving] = useState<Location>()
  const off = may('location.update') ? false : 'You may not change locations'
  const there = locations.data !== undefined
  useEffect(() => {
    if (hash === 'locations' && there) card.current?.scrollIntoView({ block: 'nearest' })
  }, [hash, there])
  if (!may('node.read') || locations.isPending) return null
  return (
    <div ref={card} id="locations" className="mt-6">
      <Card>
        <CardHead title="Locations" note={locations.data?.length}>
          <Button size="sm" icon={Plus} off={off} onClick={() => setPlacing('new')}>
            New location
          </Button>
        </CardHead>
        {locations.isError && (
          <div className="p-4">
            <ProblemView error={locations.error} onRetry={() => void locations.refetch()} />
          </div>
        )}
        {locations.data?.length === 0 && (
          <p className="px-4 py-3 text-t2">
            None yet. A location names where nodes stand; whoever is given a role over it has it on all of its
            nodes and their servers, those of later too.
          </p>
        )}
        <ul aria-label="Locations">
          {locations.data?.map((location) => (
            <CredentialRow
              key={location.id}
              icon={MapPin}
              name={location.name}
              facts={[
                location.nodes > 0 ? plural(location.nodes, 'node') : 'no node',
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
                    aria-label={`Change ${location.name}`}
                    onClick={() => setPlacing(location)}
                  >
                    Change
                  </Button>
                  <Button
                    size="sm"
                    look="danger"
                    off={
                      off ||
                      (location.nodes > 0 &&
                        `${plural(location.nodes, 'node stands', 'nodes stand')} there; choose another place in their settings first`)
                    }
                    aria-label={`Delete ${location.name}`}
                    onClick={() => setRemoving(location)}
                  >
                    Delete
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
        title={`Delete the location ${removing?.name}?`}
        verb="Delete"
        failed="Not deleted"
        list={keys.locations}
        take={({ id }) => must(api.DELETE('/locations/{location}', { params: { path: { location: id } } }))}
      >
        No node stands there. While a role is given over it, it stays.
      </TakeBack>
    </div>
  )
}
