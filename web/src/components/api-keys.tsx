import { useQuery } from '@tanstack/react-query'
import { KeyRound, Plus } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { apiKeysQuery, keys, queryClient } from '~/api/queries'
import { CredentialDialog, type Wish } from '~/forms/credential-create'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CommandBox } from '~/ui/copy'
import { DialogFoot } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { CredentialRow, Ends, TakeBack } from './credentials'
import { ProblemView } from './problem-view'

const DAY_S = 86_400
const LIVES: Array<[seconds: number, word: string]> = [
  [30 * DAY_S, '30 days'],
  [90 * DAY_S, '90 days'],
  [365 * DAY_S, 'a year'],
  [0, 'until it is deleted'],
]

async function makeKey({ name, lifeS }: Wish): Promise<string> {
  const ends = lifeS > 0 ? { expires_at: new Date(Date.now() + lifeS * 1000).toISOString() } : {}
  const { secret } = await must(api.POST('/account/api-keys', { body: { name, ...ends } }))
  void queryClient.invalidateQueries({ queryKey: keys.apiKeys })
  return secret
}

/** Keys with which scripts do what this account may do. */
export function ApiKeys() {
  const list = useQuery(apiKeysQuery)
  const [making, setMaking] = useState(false)
  const [removing, setRemoving] = useState<{ id: string; name: string }>()
  return (
    <Card>
      <CardHead title="API keys" note={list.data?.length}>
        <Button size="sm" icon={Plus} onClick={() => setMaking(true)}>
          New key
        </Button>
      </CardHead>
      {list.isPending && <SkeletonRows rows={2} />}
      {list.isError && (
        <div className="p-4">
          <ProblemView error={list.error} onRetry={() => void list.refetch()} />
        </div>
      )}
      {list.data?.length === 0 && (
        <Empty title="No key yet">A key does what you may do, from a script. It is shown once.</Empty>
      )}
      <ul aria-label="API keys">
        {list.data?.map((key) => (
          <CredentialRow
            key={key.id}
            icon={KeyRound}
            name={key.name}
            facts={[
              <span key="prefix" className="mono">
                {key.prefix}…
              </span>,
              key.last_used_at ? (
                <>
                  used <Ago at={key.last_used_at} />
                </>
              ) : (
                'never used'
              ),
              <Ends key="ends" at={key.expires_at} />,
            ]}
            action={
              <Button size="sm" look="danger" onClick={() => setRemoving(key)}>
                Delete
              </Button>
            }
          />
        ))}
      </ul>
      <CredentialDialog
        open={making}
        onClose={() => setMaking(false)}
        title="New API key"
        madeTitle={() => 'Your new key'}
        madeNote="It is shown once. Copy it now."
        help="Where it is used"
        verb="Make the key"
        lives={LIVES}
        firstLifeS={90 * DAY_S}
        make={makeKey}
        show={(secret, close) => (
          <>
            <CommandBox text={secret} primary />
            <p className="mt-2 text-12 text-t3">
              Send it as <span className="mono">Authorization: Bearer …</span>
            </p>
            <DialogFoot>
              <Button onClick={close}>I have it</Button>
            </DialogFoot>
          </>
        )}
      />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={`Delete ${removing?.name}?`}
        verb="Delete"
        failed="Not deleted"
        list={keys.apiKeys}
        take={({ id }) => must(api.DELETE('/account/api-keys/{id}', { params: { path: { id } } }))}
      >
        Whatever uses it is refused from now on.
      </TakeBack>
    </Card>
  )
}
