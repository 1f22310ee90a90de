import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { personQuery } from '~/api/people'
import { Page, PageHead } from '~/components/page-head'
import { PageProblem } from '~/components/page-states'
import { PersonDanger } from '~/components/person-danger'
import { PersonRoles } from '~/components/person-roles'
import { SuspensionBanner } from '~/components/person-suspension'
import { ViewAsButton } from '~/components/view-as'
import { WhyCard } from '~/components/why'
import { PersonDetails } from '~/forms/person-details'
import { PersonQuota } from '~/forms/person-quota'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Badge } from '~/ui/badge'
import { Card, CardHead, Facts, Tag } from '~/ui/bits'
import { buttonClass } from '~/ui/button'
import { CopyIcon } from '~/ui/copy'
import { Ago } from '~/ui/time'

const t = texts('people')

const common = texts('common')

export function PersonPage() {
  const { user: id } = useParams({ from: '/app/people/$user' })
  const query = useQuery(personQuery(id))
  const { user: me, admin, may } = useMay()
  const person = query.data
  usePage(person?.username ?? t('person'), [
    { label: t('title'), to: '/people' },
    { label: person?.username ?? '' },
  ])
  if (query.isError && !person) {
    return (
      <PageProblem what="person" list="/people" error={query.error} onRetry={() => void query.refetch()} />
    )
  }
  if (!person) return null
  const off = !may('person.update') ? t('off.change') : person.admin && !admin && t('off.admins')
  return (
    <Page>
      <PageHead
        title={person.username}
        note={
          <span className="flex gap-1.5">
            {person.id === me?.id && <Tag>{t('you')}</Tag>}
            {person.admin && <Tag>{t('admin')}</Tag>}
          </span>
        }
      >
        <ViewAsButton user={person.id} />
        {may('audit.read') && (
          <Link to="/audit" search={{ user: person.id }} className={buttonClass('secondary', 'md', false)}>
            {t('what_they_did')}
          </Link>
        )}
      </PageHead>
      <SuspensionBanner person={person} />
      <div className="grid grid-cols-[minmax(0,1fr)_400px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          <PersonRoles person={person} />
          <WhyCard person={person} />
          <PersonDanger person={person} off={off} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <PersonDetails key={person.id} person={person} off={off} />
          <PersonQuota key={`quota of ${person.id}`} person={person} />
          <Card>
            <CardHead title={t('facts.title')} />
            <div className="px-4 py-2">
              <Facts
                rows={[
                  [
                    t('facts.id'),
                    <span key="id" className="inline-flex max-w-full items-center">
                      <span className="mono truncate text-12 text-t2">{person.id}</span>
                      <CopyIcon text={person.id} label={common('copy.id')} />
                    </span>,
                  ],
                  [t('facts.servers'), String(person.servers)],
                  [
                    t('facts.last_seen'),
                    person.last_seen_at ? <Ago key="seen" at={person.last_seen_at} /> : t('facts.signed_out'),
                  ],
                  [
                    t('facts.password'),
                    t(person.must_change_password ? 'facts.first_password' : 'facts.own_password'),
                  ],
                  [
                    t('facts.two_step'),
                    person.second_factor ? (
                      <span key="two-step" className="flex justify-end">
                        <Badge plain family="run" shape="ok">
                          {t('on')}
                        </Badge>
                      </span>
                    ) : (
                      t('off')
                    ),
                  ],
                  [t('facts.made'), <Ago key="made" at={person.created_at} />],
                ]}
              />
            </div>
          </Card>
        </div>
      </div>
    </Page>
  )
}
