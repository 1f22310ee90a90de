import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { keys, queryClient, sessionQuery } from '~/api/queries'
import { ApiKeys } from '~/components/api-keys'
import { ConnectedLogins } from '~/components/connected-logins'
import { Page, PageHead } from '~/components/page-head'
import { Passkeys } from '~/components/passkeys'
import { OwnQuota } from '~/components/quota'
import { SecondFactorCard } from '~/components/second-factor'
import { Sessions } from '~/components/sessions'
import { SshKeys } from '~/components/ssh-keys'
import { AboutMe } from '~/forms/about-me'
import { ProfileForm } from '~/forms/profile'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { setTheme, type Theme, useTheme } from '~/stores/theme'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Segmented } from '~/ui/segmented'
import { PasswordForm } from './password'

const t = texts('account')

export function AccountPage() {
  const session = useQuery(sessionQuery)
  const refused = useRefused()
  usePage(t('title'))
  return (
    <Page>
      <PageHead title={t('title')} note={session.data?.user.username} />
      <div className="grid grid-cols-[minmax(0,1fr)_400px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          {session.data && <SecondFactorCard account={session.data.user.username} />}
          <Passkeys />
          <ConnectedLogins refused={refused} />
          <SshKeys />
          <Sessions />
          <ApiKeys />
        </div>
        <div className="flex flex-col gap-4">
          {session.data && (
            <ProfileForm
              key={session.data.user.id}
              email={session.data.user.email}
              username={session.data.user.username}
              unconfirmed={session.data.panel.mail && !session.data.user.email_verified}
            />
          )}
          {session.data && <AboutMe username={session.data.user.username} />}
          <OwnQuota />
          <Card>
            <CardHead title={t('password.title')} />
            <div className="p-4">
              <PasswordForm
                onDone={async () => {
                  toast.done(t('password.changed'), t('password.changed_note'))
                  await queryClient.invalidateQueries({ queryKey: keys.sessions })
                }}
              />
            </div>
          </Card>
          <ThemeCard />
        </div>
      </div>
    </Page>
  )
}

/** Why a log-in was not connected. It leaves the address, which would tell it again when it is opened later. */
function useRefused() {
  const { sso } = useSearch({ from: '/app/account' })
  const [refused] = useState(sso)
  const navigate = useNavigate()
  useEffect(() => {
    if (sso) void navigate({ to: '/account', search: {}, replace: true })
  }, [sso, navigate])
  return refused
}

function ThemeCard() {
  const theme = useTheme()
  return (
    <Card>
      <CardHead title={t('theme.title')} />
      <div className="p-4">
        <Segmented<Theme>
          label={t('theme.title')}
          value={theme}
          choices={[
            { value: 'system', label: t('theme.system') },
            { value: 'dark', label: t('theme.dark') },
            { value: 'light', label: t('theme.light') },
            { value: 'contrast', label: t('theme.contrast') },
          ]}
          onChange={setTheme}
        />
      </div>
    </Card>
  )
}
