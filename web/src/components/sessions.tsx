import { useQuery } from '@tanstack/react-query'
import { Monitor } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, sessionsQuery } from '~/api/queries'
import type { SessionRow } from '~/api/types'
import { Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { SkeletonRows } from '~/ui/wait'
import { browserName } from '~/util/browser'
import { CredentialRow, TakeBack } from './credentials'
import { ProblemView } from './problem-view'

/** Where this account is signed in. */
export function Sessions() {
  const sessions = useQuery(sessionsQuery)
  const [ending, setEnding] = useState<SessionRow>()
  return (
    <Card>
      <CardHead title="Sessions" note={sessions.data?.length} />
      {sessions.isPending && <SkeletonRows rows={2} />}
      {sessions.isError && (
        <div className="p-4">
          <ProblemView error={sessions.error} onRetry={() => void sessions.refetch()} />
        </div>
      )}
      <ul aria-label="Sessions">
        {sessions.data?.map((row) => (
          <CredentialRow
            key={row.id}
            icon={Monitor}
            name={<span title={row.user_agent}>{browserName(row.user_agent)}</span>}
            tag={row.current && <Tag>this one</Tag>}
            facts={[
              <span key="address" className="mono">
                {row.address}
              </span>,
              <>
                seen <Ago at={row.last_seen_at} />
              </>,
              <>
                since <Ago at={row.created_at} />
              </>,
            ]}
            action={
              <Button
                size="sm"
                look="danger"
                off={row.current ? 'Sign out ends this one' : false}
                onClick={() => setEnding(row)}
              >
                End
              </Button>
            }
          />
        ))}
      </ul>
      <TakeBack
        item={ending}
        onClose={() => setEnding(undefined)}
        title="End this session?"
        verb="End"
        failed="Not ended"
        list={keys.sessions}
        take={({ id }) => must(api.DELETE('/account/sessions/{id}', { params: { path: { id } } }))}
      >
        {ending && browserName(ending.user_agent)} at {ending?.address} is signed out within a second.
      </TakeBack>
    </Card>
  )
}
