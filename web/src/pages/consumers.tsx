import { useQueries, useQuery } from '@tanstack/react-query'
import { Plus, Radio } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { consumersQuery } from '~/api/panel'
import { keys, queryClient, serverQuery } from '~/api/queries'
import type { EventConsumer, NewEventConsumer } from '~/api/types'
import { ConsumerMade } from '~/components/consumer-made'
import { CredentialRow, Ends, TakeBack } from '~/components/credentials'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { CredentialDialog, type Wish } from '~/forms/credential-create'
import { type EventScope, EventScopeField } from '~/forms/event-scope'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'

const t = texts('consumers')

export function ConsumersPage() {
  const consumers = useQuery(consumersQuery)
  const few = [
    ...new Set(consumers.data?.flatMap(({ servers: some }) => (some && namable(some) ? some : []))),
  ]
  const named = useQueries({ queries: few.map((id) => ({ ...serverQuery(id), staleTime: 60_000 })) })
  const names = new Map(few.map((id, at) => [id, named[at]?.data?.name]))
  const [making, setMaking] = useState(false)
  const [removing, setRemoving] = useState<EventConsumer>()
  usePage(t('page'))
  const reads = ({ servers: some }: EventConsumer) =>
    !some
      ? t('reads.all')
      : namable(some)
        ? t('reads.named', { servers: some.map((id) => names.get(id) ?? id).join(', ') })
        : t('reads.some', { n: some.length })
  return (
    <Page>
      <PageHead title={t('page')} note={consumers.data?.length}>
        <Button look="primary" icon={Plus} onClick={() => setMaking(true)}>
          {t('new')}
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">{t('about')}</p>
      {consumers.isError && <ProblemView error={consumers.error} onRetry={() => void consumers.refetch()} />}
      {consumers.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {consumers.data && (
        <Card>
          {consumers.data.length === 0 && (
            <Empty
              title={t('none')}
              action={
                <Button icon={Plus} onClick={() => setMaking(true)}>
                  {t('new')}
                </Button>
              }
            >
              {t('none_why')}
            </Empty>
          )}
          <ul aria-label={t('page')}>
            {consumers.data.map((consumer) => (
              <CredentialRow
                key={consumer.id}
                icon={Radio}
                name={consumer.name}
                facts={[
                  reads(consumer),
                  t.rich('made_at', { when: <Ago at={consumer.created_at} /> }),
                  <Ends key="ends" at={consumer.expires_at} />,
                ]}
                action={
                  <Button size="sm" look="danger" onClick={() => setRemoving(consumer)}>
                    {t('revoke')}
                  </Button>
                }
              />
            ))}
          </ul>
        </Card>
      )}
      <NewConsumer open={making} onClose={() => setMaking(false)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('revoke_title', { name: removing?.name ?? '' })}
        verb={t('revoke')}
        failed={t('revoke_failed')}
        list={keys.consumers}
        take={({ id }) => must(api.DELETE('/event-consumers/{id}', { params: { path: { id } } }))}
      >
        {t('revoke_note')}
      </TakeBack>
    </Page>
  )
}

/** So few servers that their names fit on the line. */
function namable(servers: string[]): boolean {
  return servers.length <= 2
}

const DAY_S = 86_400
/** In days; 0 for as long as it may. */
const LIVES = [0, 1, 30, 90]
const EVERY: EventScope = { kind: 'all', servers: [] }

function NewConsumer({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [scope, setScope] = useState(EVERY)
  async function make({ name, lifeS }: Wish): Promise<NewEventConsumer> {
    const made = await must(
      api.POST('/event-consumers', {
        body: {
          name,
          servers: scope.kind === 'all' ? null : scope.servers,
          ...(lifeS > 0 ? { expires_in_s: lifeS } : {}),
        },
      }),
    )
    void queryClient.invalidateQueries({ queryKey: keys.consumers })
    return made
  }
  return (
    <CredentialDialog
      open={open}
      onClose={() => {
        setScope(EVERY)
        onClose()
      }}
      width="md"
      title={t('new_title')}
      madeTitle={(made) => t('made_title', { name: made.consumer.name })}
      madeNote={t('made_note')}
      help={t('name_help')}
      verb={t('make')}
      lives={LIVES.map((n) => [n * DAY_S, n === 0 ? t('life.longest') : t('life.days', { n })])}
      firstLifeS={0}
      off={scope.kind === 'some' && scope.servers.length === 0 ? t('choose_one') : false}
      make={make}
      show={(made, close) => <ConsumerMade made={made} onClose={close} />}
    >
      <EventScopeField scope={scope} onChange={setScope} />
    </CredentialDialog>
  )
}
