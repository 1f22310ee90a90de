import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { personGrantsQuery } from '~/api/people'
import type { Person } from '~/api/types'
import { GrantDialog } from '~/forms/grant-give'
import { useMay } from '~/hooks/use-may'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { GrantRows } from './grants'
import { ProblemView } from './problem-view'

/** The roles that somebody has, over what and until when. */
export function PersonRoles({ person }: { person: Person }) {
  const { user: me, may } = useMay()
  const grants = useQuery(personGrantsQuery(person.id))
  const [giving, setGiving] = useState(false)
  return (
    <Card>
      <CardHead title="Roles" note={grants.data?.length}>
        <Button
          size="sm"
          icon={Plus}
          off={
            person.id === me?.id
              ? 'Nobody changes their own rights'
              : !may('role.grant') || !may('role.read')
                ? 'You may not give roles'
                : false
          }
          onClick={() => setGiving(true)}
        >
          Give a role
        </Button>
      </CardHead>
      {grants.isPending && <SkeletonRows rows={2} />}
      {grants.isError && (
        <div className="p-4">
          <ProblemView error={grants.error} onRetry={() => void grants.refetch()} />
        </div>
      )}
      {grants.data?.length === 0 && (
        <Empty title="No role">
          {person.admin
            ? 'An admin may do everything without one.'
            : 'They may do what comes with their own servers, and with those that are shared with them.'}
        </Empty>
      )}
      {grants.data && (
        <GrantRows
          label="Roles"
          grants={grants.data}
          name={({ role }) =>
            may('role.read') ? (
              <Link to="/roles/$role" params={{ role: role.id }} className="hit hover:text-accent">
                {role.name}
              </Link>
            ) : (
              role.name
            )
          }
        />
      )}
      <GrantDialog
        open={giving}
        onClose={() => setGiving(false)}
        person={{ id: person.id, name: person.username }}
      />
    </Card>
  )
}
