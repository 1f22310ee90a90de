import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Person } from '~/api/types'
import { SuspendDialog } from '~/forms/person-suspend'
import { useMay } from '~/hooks/use-may'
import { toast } from '~/stores/toasts'
import { Badge, Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { visibleLines } from '~/util/visible'
import { Intervention } from './intervention'

/** In lists, where only exceptions are marked. */
export function SuspendedBadge() {
  return (
    <Badge plain family="warn" shape="suspended">
      suspended
    </Badge>
  )
}

/** Since when and why, above all that is said of somebody. */
export function SuspensionBanner({ person: { suspended } }: { person: Person }) {
  if (!suspended) return null
  return (
    <div className="mb-4">
      <Banner
        family="warn"
        shape="suspended"
        title={
          <>
            Suspended <Ago at={suspended.since} />
            {suspended.reason !== '' && ':'}
          </>
        }
      >
        {suspended.reason === '' ? (
          'No reason was given.'
        ) : (
          <bdi className="whitespace-pre-line [overflow-wrap:anywhere]">{visibleLines(suspended.reason)}</bdi>
        )}
      </Banner>
    </div>
  )
}

/** Shuts somebody out for a while, and lets them in again. Nobody does it to themselves. */
export function PersonSuspension({ person }: { person: Person }) {
  const { user: me, admin, may } = useMay()
  const [asking, setAsking] = useState(false)
  const lift = useMutation({
    mutationFn: () => must(api.DELETE('/users/{user}/suspension', { params: { path: { user: person.id } } })),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(`${person.username} may sign in again`)
    },
    onError: (error) => toast.error('Not lifted', error),
  })
  if (person.id === me?.id) return null
  const off = !may('person.suspend')
    ? 'You may not suspend people'
    : person.admin && !admin && 'This is an admin’s account, and you are none'
  return (
    <>
      {person.suspended ? (
        <Intervention
          title="Lift the suspension"
          text="They sign in again, and their API keys work as before. Servers were not touched by it."
        >
          <span className="flex flex-wrap gap-2">
            <Button off={off} onClick={() => setAsking(true)}>
              Change the reason
            </Button>
            <Button off={off} busy={lift.isPending} onClick={() => lift.mutate()}>
              Lift suspension
            </Button>
          </span>
        </Intervention>
      ) : (
        <Intervention
          title="Suspend"
          text="Shuts them out until it is lifted. Their log-ins end and their API keys stop working; their servers go on."
        >
          <Button look="danger" off={off} onClick={() => setAsking(true)}>
            Suspend
          </Button>
        </Intervention>
      )}
      <SuspendDialog person={person} open={asking} onClose={() => setAsking(false)} />
    </>
  )
}
