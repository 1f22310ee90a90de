import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { roleGrantsQuery } from '~/api/people'
import type { Role } from '~/api/types'
import { GrantDialog } from '~/forms/grant-give'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { GrantRows } from './grants'
import { ProblemView } from './problem-view'

const t = texts('roles')

/** Who has a role, over what and until when. */
export function RolePeople({ role }: { role: Role }) {
  const { may } = useMay()
  const grants = useInfiniteQuery(roleGrantsQuery(role.id))
  const [giving, setGiving] = useState(false)
  const rows = grants.data?.pages.flatMap(({ items }) => items) ?? []
  const off = !may('role.grant') ? t('off.give') : !may('person.read') && t('off.no_people')
  return (
    <Card>
      <CardHead title={t('people.title')} note={role.grants}>
        <Button size="sm" icon={Plus} off={off} onClick={() => setGiving(true)}>
          {t('people.give')}
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
          title={t('people.none')}
          action={
            <Button icon={Plus} off={off} onClick={() => setGiving(true)}>
              {t('people.give_to')}
            </Button>
          }
        >
          {t('people.none_note')}
        </Empty>
      )}
      <GrantRows
        label={t('people.title')}
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
            {t('people.more')}
          </Button>
        </div>
      )}
      <GrantDialog open={giving} onClose={() => setGiving(false)} role={role} />
    </Card>
  )
}
