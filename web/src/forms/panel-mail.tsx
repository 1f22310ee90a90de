import { useMutation, useQuery } from '@tanstack/react-query'
import { MailCheck } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { sessionQuery } from '~/api/queries'
import type { PanelSettings } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { visible } from '~/util/visible'
import { OwnPassword } from './own-password'

const t = texts('settings')

/** What becomes of the mail server. */
export interface MailChoice {
  kind: 'keep' | 'set' | 'clear'
  url: string
  from: string
}

export const mailStart: MailChoice = { kind: 'keep', url: '', from: '' }

/** As the panel takes it. */
export function mailOf({ kind, url, from }: MailChoice, { mail }: PanelSettings) {
  if (kind === 'set') return { from: from.trim(), ...(url.trim() ? { url: url.trim() } : {}) }
  if (kind === 'clear' || !mail.set_here) return null
  return { from: mail.from ?? '' }
}

/** Where mail goes out, and whether it does. */
export function PanelMail({
  settings,
  choice,
  password,
  wrong,
  fields,
  off,
  onChange,
  onPassword,
}: {
  settings: PanelSettings
  choice: MailChoice
  password: string
  wrong: string | undefined
  fields: Record<string, string>
  off: string | false
  onChange: (choice: MailChoice) => void
  onPassword: (password: string) => void
}) {
  const { mail } = settings
  const kinds: MailChoice['kind'][] = mail.set_here ? ['keep', 'set', 'clear'] : ['keep', 'set']
  const words = { keep: t('mail_keep'), set: t('mail_change'), clear: t('mail_clear') }
  return (
    <Card>
      <CardHead title={t('mail')}>
        {mail.on && <Tag>{t(mail.set_here ? 'mail_here' : 'mail_configured')}</Tag>}
      </CardHead>
      <div className="flex flex-col gap-4 p-4">
        <p className="text-t2 [overflow-wrap:anywhere]">
          {mail.on ? t('mail_on', { server: visible(mail.server ?? '') }) : t('mail_off')}
        </p>
        <span>
          <Segmented
            label={t('mail')}
            value={choice.kind}
            choices={kinds.map((value) => ({ value, label: words[value] }))}
            onChange={(kind) => onChange({ ...choice, kind, from: choice.from || (mail.from ?? '') })}
          />
        </span>
        {choice.kind === 'set' && (
          <>
            <Field label={t('mail_url')} help={t('mail_url_help')} error={fields['mail.url'] ?? fields.mail}>
              {(ids) => (
                <Input
                  {...ids}
                  code
                  autoComplete="off"
                  spellCheck={false}
                  value={choice.url}
                  onChange={({ target }) => onChange({ ...choice, url: target.value })}
                />
              )}
            </Field>
            <Field label={t('mail_from')} help={t('mail_from_help')} error={fields['mail.from']}>
              {(ids) => (
                <Input
                  {...ids}
                  autoComplete="off"
                  maxLength={254}
                  value={choice.from}
                  onChange={({ target }) => onChange({ ...choice, from: target.value })}
                />
              )}
            </Field>
          </>
        )}
        {choice.kind !== 'keep' && (
          <OwnPassword value={password} help={t('password_help')} onChange={onPassword} error={wrong} />
        )}
        {(mail.on || choice.kind === 'set') && <Test settings={settings} choice={choice} off={off} />}
      </div>
    </Card>
  )
}

function Test({
  settings,
  choice,
  off,
}: {
  settings: PanelSettings
  choice: MailChoice
  off: string | false
}) {
  const session = useQuery(sessionQuery)
  const [failed, setFailed] = useState<unknown>()
  const to = session.data?.user.email ?? ''
  const test = useMutation({
    mutationFn: () => {
      const mail = choice.kind === 'set' ? mailOf(choice, settings) : null
      return must(api.POST('/settings/mail-test', { body: mail ? { mail } : {} }))
    },
    onMutate: () => setFailed(undefined),
    onError: setFailed,
    onSuccess: ({ to, took_ms }) =>
      toast.done(t('mail_sent'), t('mail_sent_note', { to: visible(to), ms: took_ms })),
  })
  return (
    <>
      {failed !== undefined && <ProblemView error={failed} />}
      <span>
        <Button icon={MailCheck} busy={test.isPending} off={off} onClick={() => test.mutate()}>
          {t('mail_test', { to: visible(to) })}
        </Button>
      </span>
    </>
  )
}
