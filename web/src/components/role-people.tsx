import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { roleGrantsQuery } from '~/api/people'
import type { Role } from '~/api/types'
import { GrantDialog } from '~/forms/grant-give'
import { useMay } from '~/hooks/use-may'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { GrantRows } from './grants'
import { ProblemView } from './problem-view'

/** Who has a role, over what and until when. */
export function RolePeople({ role }: { role: Role }) {
  const { may } = useMay()
  const grants = useInfiniteQuery(roleGrantsQuery(role.id))
  const [giving, setGiving] = useState(false)
  const rows = grants.data?.pages.flatMap(({ items }) => items) ?? []
  const off = !may('role.grant')
    ? 'You may not give roles'
    : !may('person.read') && 'You may not see people, so there is nobody to choose from'
  return (
    <Card>
      <CardHead title="Who has it" note={role.grants}>
        <Button size="sm" icon={Plus} off={off} onClick={() => setGiving(true)}>
          Give it
        </Button>
      </CardHead>
      {grants.isPending && <SkeletonRows rows={2} />}
      {grants.isError && (
        <div className="p-4">
          <ProblemView error={grants.error} onRetry={() => void grants.refetch()} />
        </div>
      )}
      {grants.data && rows.length === 0 && (
        <Empty
          title="Nobody has it yet"
          action={
            <Button icon={Plus} off={off} onClick={() => setGiving(true)}>
              Give it to somebody
            </Button>
          }
        >
          Over everything, or over one location, node or server.
        </Empty>
      )}
      <GrantRows
        label="Who has it"
        grants={rows}
        name={({ user }) =>
          may('person.read') ? (
            <Link to="/people/$user" params={{ user: user.id }} className="hit hover:text-accent">
              {user.name}
            </Link>
          ) : (
            user.name
          )
        }
      />
      {grants.hasNextPage && (
        <div className="flex justify-center border-t border-line py-3">
          <Button size="sm" busy={grants.isFetchingNextPage} onClick={() => void grants.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
      <GrantDialog open={giving} onClose={() => setGiving(false)} role={role} />
    </Card>
  )
}
