import { useQuery } from '@tanstack/react-query'
import { Link2, Link2Off } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { api, must } from '~/api/client'
import { keys, loginsQuery, providersQuery } from '~/api/queries'
import type { ConnectedLogin, Provider } from '~/api/types'
import { ConnectLoginDialog } from '~/forms/login-connect'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import type { SsoCode } from '~/util/sso'
import { visible } from '~/util/visible'
import { CredentialRow, TakeBack } from './credentials'
import { ProblemView } from './problem-view'
import { SsoNote } from './sso-note'

const t = texts('account')

/** Log-ins elsewhere that sign this account in. Where the panel has no such thing, there is no card. */
export function ConnectedLogins({ refused }: { refused?: SsoCode | undefined }) {
  const providers = useQuery(providersQuery)
  const logins = useQuery(loginsQuery)
  const card = useRef<HTMLDivElement>(null)
  const [connecting, setConnecting] = useState<Provider>()
  const [leaving, setLeaving] = useState<ConnectedLogin>()
  const offered = providers.data ?? []
  const connected = logins.data ?? []
  const there = offered.length > 0 || connected.length > 0
  useEffect(() => {
    if (refused && there) card.current?.scrollIntoView({ block: 'nearest' })
  }, [refused, there])
  if (!there) return null
  return (
    <div ref={card}>
      <Card>
        <CardHead title={t('logins.title')} note={connected.length} />
        {refused && (
          <div className="border-b border-line p-4">
            <SsoNote code={refused} />
          </div>
        )}
        {logins.isError && (
          <div className="p-4">
            <ProblemView error={logins.error} onRetry={() => void logins.refetch()} />
          </div>
        )}
        <ul aria-label={t('logins.title')}>
          {connected.map((login) => (
            <LoginRow
              key={login.id}
              login={login}
              offered={!providers.data || offered.some(({ id }) => id === login.provider)}
              onLeave={() => setLeaving(login)}
            />
          ))}
          {logins.data &&
            offered
              .filter(({ id }) => !connected.some(({ provider }) => provider === id))
              .map((provider) => (
                <ProviderRow
                  key={provider.id}
                  provider={provider}
                  onConnect={() => setConnecting(provider)}
                />
              ))}
        </ul>
      </Card>
      <ConnectLoginDialog provider={connecting} onClose={() => setConnecting(undefined)} />
      <TakeBack
        item={leaving}
        onClose={() => setLeaving(undefined)}
        title={t('logins.disconnect_title', { provider: visible(leaving?.provider_name ?? '') })}
        verb={t('logins.disconnect')}
        failed={t('logins.not_disconnected')}
        list={keys.logins}
        take={({ id }) => must(api.DELETE('/account/logins/{id}', { params: { path: { id } } }))}
      >
        {t.rich('logins.disconnect_note', {
          name: <bdi className="[overflow-wrap:anywhere]">{visible(leaving?.name ?? '')}</bdi>,
        })}
      </TakeBack>
    </div>
  )
}

function LoginRow({
  login: { provider_name, name, created_at, last_used_at },
  offered,
  onLeave,
}: {
  login: ConnectedLogin
  /** The panel still lets people in through it. */
  offered: boolean
  onLeave: () => void
}) {
  return (
    <CredentialRow
      icon={Link2}
      name={<bdi>{visible(provider_name)}</bdi>}
      facts={[
        <bdi key="name" className="whitespace-normal [overflow-wrap:anywhere]">
          {visible(name)}
        </bdi>,
        t.rich('logins.connected', { ago: <Ago at={created_at} /> }),
        last_used_at ? t.rich('used', { ago: <Ago at={last_used_at} /> }) : t('never_used'),
        ...(offered ? [] : [t('logins.not_offered')]),
      ]}
      action={
        <Button
          size="sm"
          look="danger"
          aria-label={t('logins.disconnect_of', { provider: visible(provider_name), name: visible(name) })}
          onClick={onLeave}
        >
          {t('logins.disconnect')}
        </Button>
      }
    />
  )
}

function ProviderRow({ provider: { name }, onConnect }: { provider: Provider; onConnect: () => void }) {
  return (
    <CredentialRow
      icon={Link2Off}
      name={<bdi>{visible(name)}</bdi>}
      facts={[t('logins.not_connected')]}
      action={
        <Button
          size="sm"
          aria-label={t('logins.connect_of', { provider: visible(name) })}
          onClick={onConnect}
        >
          {t('logins.connect')}
        </Button>
      }
    />
  )
}
