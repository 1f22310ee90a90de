import { IdCard } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Grant } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { reachText } from '~/util/reach'
import { CredentialRow, Ends, TakeBack } from './credentials'

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
              <>
                given <Ago at={grant.created_at} />
              </>,
              <Ends key="ends" at={grant.expires_at} />,
            ]}
            action={
              <Button
                size="sm"
                look="danger"
                aria-label={`Take ${grant.role.name} back from ${grant.user.name}`}
                off={
                  grant.user.id === me?.id
                    ? 'Nobody changes their own rights'
                    : may('role.grant')
                      ? false
                      : 'You may not take roles back'
                }
                onClick={() => setTaking(grant)}
              >
                Take back
              </Button>
            }
          />
        ))}
      </ul>
      <TakeBack
        item={taking}
        onClose={() => setTaking(undefined)}
        title={`Take ${taking?.role.name} back from ${taking?.user.name}?`}
        verb="Take back"
        failed="Not taken back"
        list={keys.people}
        take={async ({ id }) => {
          await must(api.DELETE('/grants/{grant}', { params: { path: { grant: id } } }))
          void queryClient.invalidateQueries({ queryKey: keys.roles })
        }}
      >
        They lose what it gave {taking && reachText(taking)} at once; what they have open there closes within
        a second.
      </TakeBack>
    </>
  )
}
