import { useQuery } from '@tanstack/react-query'
import { Plus, Radio } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { consumersQuery, keys, queryClient, serversQuery } from '~/api/queries'
import type { EventConsumer, NewEventConsumer } from '~/api/types'
import { ConsumerMade } from '~/components/consumer-made'
import { CredentialRow, Ends, TakeBack } from '~/components/credentials'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { CredentialDialog, type Wish } from '~/forms/credential-create'
import { type EventScope, EventScopeField } from '~/forms/event-scope'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { plural } from '~/util/format'

export function ConsumersPage() {
  const consumers = useQuery(consumersQuery)
  const servers = useQuery(serversQuery)
  const names = new Map(servers.data?.map((s) => [s.id, s.name]))
  const [making, setMaking] = useState(false)
  const [removing, setRemoving] = useState<EventConsumer>()
  usePage('Event consumers')
  const reads = ({ servers: some }: EventConsumer) =>
    !some
      ? 'reads every server'
      : some.length <= 2
        ? `reads ${some.map((id) => names.get(id) ?? id).join(', ')}`
        : `reads ${plural(some.length, 'server')}`
  return (
    <Page>
      <PageHead title="Event consumers" note={consumers.data?.length}>
        <Button look="primary" icon={Plus} onClick={() => setMaking(true)}>
          New consumer
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">
        A READ credential with which any NATS client receives what happens here, as CloudEvents, live and by
        replay. It can read events and nothing else.
      </p>
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
              title="Nobody listens yet"
              action={
                <Button icon={Plus} onClick={() => setMaking(true)}>
                  New consumer
                </Button>
              }
            >
              A bot, a status page, your own panel: one credential each, so that one can be taken back alone.
            </Empty>
          )}
          <ul aria-label="Event consumers">
            {consumers.data.map((consumer) => (
              <CredentialRow
                key={consumer.id}
                icon={Radio}
                name={consumer.name}
                facts={[
                  reads(consumer),
                  <>
                    made <Ago at={consumer.created_at} />
                  </>,
                  <Ends key="ends" at={consumer.expires_at} />,
                ]}
                action={
                  <Button size="sm" look="danger" onClick={() => setRemoving(consumer)}>
                    Revoke
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
        title={`Revoke ${removing?.name}?`}
        verb="Revoke"
        failed="Not revoked"
        list={keys.consumers}
        take={({ id }) => must(api.DELETE('/event-consumers/{id}', { params: { path: { id } } }))}
      >
        Its connection ends within a second.
      </TakeBack>
    </Page>
  )
}

const LIVES: Array<[seconds: number, word: string]> = [
  [0, 'as long as allowed'],
  [86_400, '1 day'],
  [2_592_000, '30 days'],
  [7_776_000, '90 days'],
]
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
      title="New event consumer"
      madeTitle={(made) => `${made.consumer.name} can read`}
      madeNote="The credential is shown once. Copy it now; a lost one is revoked and made anew."
      help="What it is for, such as status page"
      verb="Make the credential"
      lives={LIVES}
      firstLifeS={0}
      off={scope.kind === 'some' && scope.servers.length === 0 ? 'Choose at least one server' : false}
      make={make}
      show={(made, close) => <ConsumerMade made={made} onClose={close} />}
    >
      <EventScopeField scope={scope} onChange={setScope} />
    </CredentialDialog>
  )
}
