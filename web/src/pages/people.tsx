import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import { peopleQuery } from '~/api/people'
import type { Person } from '~/api/types'
import { LoadMore } from '~/components/load-more'
import { Page, PageHead } from '~/components/page-head'
import { SuspendedBadge } from '~/components/person-suspension'
import { ProblemView } from '~/components/problem-view'
import { PersonDialog } from '~/forms/person-create'
import { useMay } from '~/hooks/use-may'
import { useSettled } from '~/hooks/use-settled'
import { usePage } from '~/stores/page'
import { Badge } from '~/ui/badge'
import { Avatar, Card, Kbd, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { plural } from '~/util/format'
import { visible } from '~/util/visible'

export function PeoplePage() {
  const search = useSearch({ from: '/app/people' })
  const navigate = useNavigate({ from: '/people' })
  const { may } = useMay()
  const [text, setText] = useState(search.q ?? '')
  const asked = useSettled(text.trim())
  const people = useInfiniteQuery({ ...peopleQuery(asked), placeholderData: keepPreviousData })
  usePage('People')
  useEffect(() => {
    if (asked === (search.q ?? '')) return
    void navigate({ search: (now) => ({ ...now, q: asked || undefined }), replace: true })
  }, [asked, search.q, navigate])
  const setNew = (open: boolean) =>
    void navigate({ search: (now) => ({ ...now, new: open || undefined }), replace: true })
  const shown = people.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <Page>
      <PageHead
        title="People"
        note={asked === '' && people.data && !people.hasNextPage ? shown.length : undefined}
      >
        <Button
          look="primary"
          icon={Plus}
          off={may('person.create') ? false : 'You may not make accounts'}
          onClick={() => setNew(true)}
        >
          New person
        </Button>
      </PageHead>
      <SearchInput
        label="How the name or e-mail begins"
        small
        hint={<Kbd>/</Kbd>}
        className="mb-3 w-72 max-sm:w-full"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {people.isError && <ProblemView error={people.error} onRetry={() => void people.refetch()} />}
      {people.isPending && (
        <Card>
          <SkeletonRows rows={5} />
        </Card>
      )}
      {people.data && (
        <Card>
          {shown.length === 0 ? (
            <Empty title="Nobody’s name or e-mail begins so">
              The beginning is searched, not the middle: “ann” finds ann@example.net.
            </Empty>
          ) : (
            <PeopleTable people={shown} />
          )}
        </Card>
      )}
      {people.hasNextPage && (
        <LoadMore
          shown={shown.length}
          total={undefined}
          order="the oldest account first"
          busy={people.isFetchingNextPage}
          onMore={() => void people.fetchNextPage()}
        />
      )}
      <PersonDialog open={search.new === true} onClose={() => setNew(false)} />
    </Page>
  )
}

function Rights({ person }: { person: Person }) {
  if (!person.admin && person.roles.length === 0) return <span className="text-t3">none</span>
  return (
    <span className="flex flex-wrap gap-1.5">
      {person.admin && <Tag>admin</Tag>}
      {person.roles.slice(0, 3).map(({ id, name }) => (
        <Tag key={id}>{name}</Tag>
      ))}
      {person.roles.length > 3 && <span className="text-12 text-t3">and {person.roles.length - 3} more</span>}
    </span>
  )
}

function PeopleTable({ people }: { people: Person[] }) {
  const { user: me } = useMay()
  return (
    <table className="tbl table-fixed">
      <thead>
        <tr>
          <th>Name</th>
          <th className="max-sm:hidden">Roles</th>
          <th className="w-24 max-md:hidden">Two-step</th>
          <th className="r w-24">Servers</th>
          <th className="r w-36 max-sm:hidden">Last seen</th>
          <th className="r w-36 max-md:hidden">Account made</th>
        </tr>
      </thead>
      <tbody>
        {people.map((person) => (
          <tr key={person.id}>
            <td>
              <div className="flex items-center gap-2.5">
                <Avatar name={person.username} />
                <div className="min-w-0">
                  <div className="flex items-center gap-2 leading-[18px]">
                    <Link
                      to="/people/$user"
                      params={{ user: person.id }}
                      className="fills-cell block min-w-0 truncate font-medium hover:text-accent"
                    >
                      {person.username}
                      {person.id === me?.id && <span className="font-normal text-t3"> (you)</span>}
                    </Link>
                    {person.suspended && <SuspendedBadge />}
                  </div>
                  <div className="truncate text-12 text-t3">
                    {(person.admin || person.roles.length > 0) && (
                      <span className="text-t2 sm:hidden">
                        {[...(person.admin ? ['admin'] : []), ...person.roles.map(({ name }) => name)].join(
                          ', ',
                        )}
                        {' · '}
                      </span>
                    )}
                    {person.second_factor && <span className="text-t2 md:hidden">two-step · </span>}
                    {visible(person.email)}
                  </div>
                </div>
              </div>
            </td>
            <td className="max-sm:hidden">
              <Rights person={person} />
            </td>
            <td className="max-md:hidden">
              {person.second_factor ? (
                <span className="flex">
                  <Badge plain family="run" shape="ok">
                    on
                  </Badge>
                </span>
              ) : (
                <span className="text-t3">off</span>
              )}
            </td>
            <td className="r" title={plural(person.servers, 'server')}>
              {person.servers === 0 ? <span className="text-t3">0</span> : person.servers}
            </td>
            <td className="r text-t2 max-sm:hidden">
              {person.last_seen_at ? (
                <Ago at={person.last_seen_at} />
              ) : (
                <span className="text-t3">
                  {person.must_change_password ? 'first password' : 'signed out'}
                </span>
              )}
            </td>
            <td className="r text-t2 max-md:hidden">
              <Ago at={person.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
