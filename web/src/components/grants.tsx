import { IdCard } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Grant } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { reachText } from '~/util/reach'
import { CredentialRow, Ends, TakeBack } from './credentials'

const t = texts('roles')

/** Roles that were given, each with over what and until when, and a way to take it back. */
export function GrantRows({
  label,
  grants,
  name,
}: {
  label: string
  grants: Grant[]
  /** What heads a row: the role on a person's page, the person on a role's. */
  name: (grant: Grant) => ReactNode
}) {
  const { user: me, may } = useMay()
  const [taking, setTaking] = useState<Grant>()
  return (
    <>
      <ul aria-label={label}>
        {grants.map((grant) => (
          <CredentialRow
            key={grant.id}
            icon={IdCard}
            name={name(grant)}
            facts={[
              <span key="reach" className="whitespace-normal [overflow-wrap:anywhere]">
                {reachText(grant)}
              </span>,
              t.rich('grant.given', { ago: <Ago at={grant.created_at} /> }),
              <Ends key="ends" at={grant.expires_at} />,
            ]}
            action={
              <Button
                size="sm"
                look="danger"
                aria-label={t('grant.take_from', { role: grant.role.name, person: grant.user.name })}
                off={grant.user.id === me?.id ? t('off.own') : may('role.grant') ? false : t('off.take')}
                onClick={() => setTaking(grant)}
              >
                {t('grant.take')}
              </Button>
            }
          />
        ))}
      </ul>
      <TakeBack
        item={taking}
        onClose={() => setTaking(undefined)}
        title={t('grant.take_title', { role: taking?.role.name ?? '', person: taking?.user.name ?? '' })}
        verb={t('grant.take')}
        failed={t('grant.not_taken')}
        list={keys.people}
        take={async ({ id }) => {
          await must(api.DELETE('/grants/{grant}', { params: { path: { grant: id } } }))
          void queryClient.invalidateQueries({ queryKey: keys.roles })
        }}
      >
        {taking && t('grant.take_note', { over: reachText(taking) })}
      </TakeBack>
    </>
  )
}
