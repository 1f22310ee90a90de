import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { personGrantsQuery } from '~/api/people'
import type { Person } from '~/api/types'
import { GrantDialog } from '~/forms/grant-give'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { GrantRows } from './grants'
import { ProblemView } from './problem-view'

const t = texts('roles')

/** The roles that somebody has, over what and until when. */
export function PersonRoles({ person }: { person: Person }) {
  const { user: me, may } = useMay()
  const grants = useQuery(personGrantsQuery(person.id))
  const [giving, setGiving] = useState(false)
  return (
    <Card>
      <CardHead title={t('title')} note={grants.data?.length}>
        <Button
          size="sm"
          icon={Plus}
          off={
            person.id === me?.id
              ? t('off.own')
              : !may('role.grant') || !may('role.read')
                ? t('off.give')
                : false
          }
          onClick={() => setGiving(true)}
        >
          {t('person.give')}
        </Button>
      </CardHead>
      {grants.isPending && <SkeletonRows rows={2} />}
      {grants.isError && (
        <div className="p-4">
          <ProblemView error={grants.error} onRetry={() => void grants.refetch()} />
        </div>
      )}
      {grants.data?.length === 0 && (
        <Empty title={t('person.none')}>{t(person.admin ? 'person.none_admin' : 'person.none_note')}</Empty>
      )}
      {grants.data && (
        <GrantRows
          label={t('title')}
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
