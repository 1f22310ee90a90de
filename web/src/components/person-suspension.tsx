import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Person } from '~/api/types'
import { SuspendDialog } from '~/forms/person-suspend'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Badge, Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { visibleLines } from '~/util/visible'
import { Intervention } from './intervention'

const t = texts('people')

/** In lists, where only exceptions are marked. */
export function SuspendedBadge() {
  return (
    <Badge plain family="warn" shape="suspended">
      {t('suspension.badge')}
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
        title={t.rich(suspended.reason === '' ? 'suspension.since' : 'suspension.since_why', {
          ago: <Ago at={suspended.since} />,
        })}
      >
        {suspended.reason === '' ? (
          t('suspension.no_reason')
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
      toast.done(t('suspension.lifted', { name: person.username }))
    },
    onError: (error) => toast.error(t('suspension.lift_failed'), error),
  })
  if (person.id === me?.id) return null
  const off = !may('person.suspend') ? t('off.suspend') : person.admin && !admin && t('off.admins')
  return (
    <>
      {person.suspended ? (
        <Intervention title={t('suspension.lift_title')} text={t('suspension.lift_note')}>
          <span className="flex flex-wrap gap-2">
            <Button off={off} onClick={() => setAsking(true)}>
              {t('suspension.change')}
            </Button>
            <Button off={off} busy={lift.isPending} onClick={() => lift.mutate()}>
              {t('suspension.lift')}
            </Button>
          </span>
        </Intervention>
      ) : (
        <Intervention title={t('suspension.suspend')} text={t('suspension.note')}>
          <Button look="danger" off={off} onClick={() => setAsking(true)}>
            {t('suspension.suspend')}
          </Button>
        </Intervention>
      )}
      <SuspendDialog person={person} open={asking} onClose={() => setAsking(false)} />
    </>
  )
}
