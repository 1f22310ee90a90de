import { useQuery } from '@tanstack/react-query'
import { Monitor } from 'lucide-react'
import { useState } from 'react'
import { sessionsQuery } from '~/api/account'
import { api, must } from '~/api/client'
import { keys } from '~/api/queries'
import type { SessionRow } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { SkeletonRows } from '~/ui/wait'
import { browserName } from '~/util/browser'
import { CredentialRow, TakeBack } from './credentials'
import { ProblemView } from './problem-view'

const t = texts('account')

/** Where this account is signed in. */
export function Sessions() {
  const sessions = useQuery(sessionsQuery)
  const [ending, setEnding] = useState<SessionRow>()
  return (
    <Card>
      <CardHead title={t('sessions.title')} note={sessions.data?.length} />
      {sessions.isPending && <SkeletonRows rows={2} />}
      {sessions.isError && (
        <div className="p-4">
          <ProblemView error={sessions.error} onRetry={() => void sessions.refetch()} />
        </div>
      )}
      <ul aria-label={t('sessions.title')}>
        {sessions.data?.map((row) => (
          <CredentialRow
            key={row.id}
            icon={Monitor}
            name={<span title={row.user_agent}>{browserName(row.user_agent)}</span>}
            tag={row.current && <Tag>{t('sessions.this')}</Tag>}
            facts={[
              <span key="address" className="mono">
                {row.address}
              </span>,
              t.rich('sessions.seen', { ago: <Ago at={row.last_seen_at} /> }),
              t.rich('sessions.since', { ago: <Ago at={row.created_at} /> }),
            ]}
            action={
              <Button
                size="sm"
                look="danger"
                off={row.current ? t('sessions.own') : false}
                onClick={() => setEnding(row)}
              >
                {t('sessions.end')}
              </Button>
            }
          />
        ))}
      </ul>
      <TakeBack
        item={ending}
        onClose={() => setEnding(undefined)}
        title={t('sessions.end_title')}
        verb={t('sessions.end')}
        failed={t('sessions.not_ended')}
        list={keys.sessions}
        take={({ id }) => must(api.DELETE('/account/sessions/{id}', { params: { path: { id } } }))}
      >
        {ending &&
          t('sessions.end_note', { browser: browserName(ending.user_agent), address: ending.address })}
      </TakeBack>
    </Card>
  )
}
