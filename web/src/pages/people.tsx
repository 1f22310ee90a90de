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
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Badge } from '~/ui/badge'
import { Avatar, Card, Kbd, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { visible } from '~/util/visible'

const t = texts('people')

export function PeoplePage() {
  const search = useSearch({ from: '/app/people' })
  const navigate = useNavigate({ from: '/people' })
  const { may } = useMay()
  const [text, setText] = useState(search.q ?? '')
  const asked = useSettled(text.trim())
  const people = useInfiniteQuery({ ...peopleQuery(asked), placeholderData: keepPreviousData })
  usePage(t('title'))
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
        title={t('title')}
        note={asked === '' && people.data && !people.hasNextPage ? shown.length : undefined}
      >
        <Button
          look="primary"
          icon={Plus}
          off={may('person.create') ? false : t('off.make')}
          onClick={() => setNew(true)}
        >
          {t('new')}
        </Button>
      </PageHead>
      <SearchInput
        label={t('list.search')}
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
            <Empty title={t('list.none')}>{t('list.none_note')}</Empty>
          ) : (
            <PeopleTable people={shown} />
          )}
        </Card>
      )}
      {people.hasNextPage && (
        <LoadMore
          shown={shown.length}
          total={undefined}
          order={t('list.order')}
          busy={people.isFetchingNextPage}
          onMore={() => void people.fetchNextPage()}
        />
      )}
      <PersonDialog open={search.new === true} onClose={() => setNew(false)} />
    </Page>
  )
}

function Rights({ person }: { person: Person }) {
  if (!person.admin && person.roles.length === 0)
    return <span className="text-t3">{t('list.no_rights')}</span>
  return (
    <span className="flex flex-wrap gap-1.5">
      {person.admin && <Tag>{t('admin')}</Tag>}
      {person.roles.slice(0, 3).map(({ id, name }) => (
        <Tag key={id}>{name}</Tag>
      ))}
      {person.roles.length > 3 && (
        <span className="text-12 text-t3">{t('list.more_roles', { n: person.roles.length - 3 })}</span>
      )}
    </span>
  )
}

function PeopleTable({ people }: { people: Person[] }) {
  const { user: me } = useMay()
  return (
    <table className="tbl table-fixed">
      <thead>
        <tr>
          <th>{t('list.name')}</th>
          <th className="max-sm:hidden">{t('list.roles')}</th>
          <th className="w-24 max-md:hidden">{t('list.two_step')}</th>
          <th className="r w-24">{t('list.servers')}</th>
          <th className="r w-36 max-sm:hidden">{t('list.last_seen')}</th>
          <th className="r w-36 max-md:hidden">{t('list.made')}</th>
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
                      {person.id === me?.id
                        ? t.rich('list.you', {
                            name: person.username,
                            you: (inner) => <span className="font-normal text-t3">{inner}</span>,
                          })
                        : person.username}
                    </Link>
                    {person.suspended && <SuspendedBadge />}
                  </div>
                  <div className="truncate text-12 text-t3">
                    {(person.admin || person.roles.length > 0) && (
                      <span className="text-t2 sm:hidden">
                        {[
                          ...(person.admin ? [t('admin')] : []),
                          ...person.roles.map(({ name }) => name),
                        ].join(', ')}
                        {' · '}
                      </span>
                    )}
                    {person.second_factor && (
                      <span className="text-t2 md:hidden">{t('list.with_two_step')} · </span>
                    )}
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
                    {t('on')}
                  </Badge>
                </span>
              ) : (
                <span className="text-t3">{t('off')}</span>
              )}
            </td>
            <td className="r" title={t('list.server_count', { n: person.servers })}>
              {person.servers === 0 ? <span className="text-t3">0</span> : person.servers}
            </td>
            <td className="r text-t2 max-sm:hidden">
              {person.last_seen_at ? (
                <Ago at={person.last_seen_at} />
              ) : (
                <span className="text-t3">
                  {t(person.must_change_password ? 'list.first_password' : 'list.signed_out')}
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
