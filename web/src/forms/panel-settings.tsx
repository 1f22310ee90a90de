import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useId, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { PanelSettings } from '~/api/types'
import { ifMatch } from '~/api/versions'
import { FormProblem } from '~/components/problem-view'
import { isLanguage, LANGUAGES, OFFERED } from '~/i18n/languages'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input, Select, Textarea } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { UploadLimit } from './limit-upload'
import { type MailChoice, mailOf, mailStart, PanelMail } from './panel-mail'

const t = texts('settings')
const upload = texts('upload_limit')

const OURS = 'Warren'
const SECOND = ['nobody', 'admins', 'everyone'] as const
type Second = (typeof SECOND)[number]

export interface Draft {
  name: string
  accent: string
  language: PanelSettings['language']
  signUp: boolean
  domains: string
  second: Second
  invite: boolean
  days: string
  upload: number | null
}

function draftOf(settings: PanelSettings): Draft {
  return {
    name: settings.name,
    accent: settings.accent ?? '',
    language: settings.language,
    signUp: settings.sign_up,
    domains: settings.sign_up_domains.join('\n'),
    second: settings.second_factor_of,
    invite: settings.invite_by_sharing,
    days: String(settings.session_days),
    upload: settings.upload_bytes ?? null,
  }
}

/** What is sent: what nobody touched and was not set here stays as control's configuration says. */
function bodyOf(draft: Draft, settings: PanelSettings, mail: MailChoice, password: string) {
  const lines = draft.domains
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const second = settings.second_factor_set_here || draft.second !== settings.second_factor_of
  const invite = settings.invite_by_sharing_set_here || draft.invite !== settings.invite_by_sharing
  return {
    name: draft.name.trim() === OURS ? null : draft.name,
    accent: draft.accent.trim() || null,
    language: draft.language,
    sign_up: draft.signUp,
    sign_up_domains: lines,
    second_factor_of: second ? draft.second : null,
    invite_by_sharing: invite ? draft.invite : null,
    session_days: Number(draft.days) || 0,
    upload_bytes: draft.upload,
    mail: mailOf(mail, settings),
    current_password: password || null,
  }
}

export function PanelSettingsForm({ settings, off }: { settings: PanelSettings; off: string | false }) {
  const start = draftOf(settings)
  const [draft, setDraft] = useState(start)
  const [mail, setMail] = useState<MailChoice>(mailStart)
  const [password, setPassword] = useState('')
  const set = (change: Partial<Draft>) => setDraft((now) => ({ ...now, ...change }))
  const dirty = mail.kind !== 'keep' || JSON.stringify(draft) !== JSON.stringify(start)
  const save = useMutation({
    mutationFn: () =>
      must(
        api.PUT('/settings', {
          body: bodyOf(draft, settings, mail, password),
          params: { header: ifMatch(settings.version) },
        }),
      ),
    onSuccess: async (kept) => {
      queryClient.setQueryData(keys.settings, kept)
      await queryClient.invalidateQueries({ queryKey: keys.session })
      await queryClient.invalidateQueries({ queryKey: keys.front })
      toast.done(t('saved'))
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const fields = problem?.fields ?? {}
  const wrong = fields.current_password ?? (problem && attemptsText(problem))
  const domain = Object.entries(fields).find(([name]) => name.startsWith('sign_up_domains'))?.[1]
  return (
    <form
      className="flex max-w-180 flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (dirty && off === false && !save.isPending) save.mutate()
      }}
    >
      <Part title={t('looks')}>
        <Field label={t('name')} help={t('name_help')} error={fields.name}>
          {(ids) => (
            <Input
              {...ids}
              maxLength={40}
              value={draft.name}
              onChange={({ target }) => set({ name: target.value })}
            />
          )}
        </Field>
        <Field label={t('accent')} help={t('accent_help')} error={fields.accent}>
          {(ids) => (
            <span className="flex gap-2">
              <Input
                {...ids}
                code
                maxLength={7}
                placeholder={t('accent_own')}
                value={draft.accent}
                onChange={({ target }) => set({ accent: target.value })}
              />
              <input
                type="color"
                aria-label={t('accent_pick')}
                value={/^#[0-9a-f]{6}$/i.test(draft.accent) ? draft.accent : '#7459e0'}
                onChange={({ target }) => set({ accent: target.value })}
                className="h-8 w-11 shrink-0 rounded-box border border-line-2 bg-ground p-1 max-sm:h-11"
              />
            </span>
          )}
        </Field>
        <Field label={t('language')} help={t('language_help')}>
          {(ids) => (
            <Select
              {...ids}
              value={draft.language}
              onChange={({ target }) => isLanguage(target.value) && set({ language: target.value })}
            >
              {OFFERED.map((each) => (
                <option key={each} value={each} lang={each}>
                  {LANGUAGES[each]}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </Part>
      <Part title={t('access')}>
        <Tick
          label={t('sign_up')}
          note={settings.mail.on || mail.kind === 'set' ? t('sign_up_help') : t('sign_up_mail')}
          error={fields.sign_up}
          on={draft.signUp}
          onChange={(signUp) => set({ signUp })}
        />
        {draft.signUp && (
          <Field label={t('domains')} help={t('domains_help')} error={domain}>
            {(ids) => (
              <Textarea
                {...ids}
                rows={2}
                spellCheck={false}
                value={draft.domains}
                onChange={({ target }) => set({ domains: target.value })}
              />
            )}
          </Field>
        )}
        <Tick label={t('invite')} on={draft.invite} onChange={(invite) => set({ invite })} />
        <div>
          <div className="mb-1.5 font-medium">{t('second')}</div>
          <Segmented<Second>
            label={t('second')}
            value={draft.second}
            choices={SECOND.map((value) => ({ value, label: t(`second_${value}`) }))}
            onChange={(second) => set({ second })}
          />
          <p className="mt-1.5 text-12 text-t3">{t('second_help')}</p>
        </div>
        <Field label={t('days')} note={t('days_unit')} error={fields.session_days}>
          {(ids) => (
            <Input
              {...ids}
              inputMode="numeric"
              maxLength={2}
              value={draft.days}
              onChange={({ target }) => set({ days: target.value.replace(/\D/g, '') })}
              className="max-w-24"
            />
          )}
        </Field>
        <UploadLimit
          most={draft.upload}
          none={upload('none')}
          error={fields.upload_bytes}
          onChange={(most) => set({ upload: most })}
        />
      </Part>
      <PanelMail
        settings={settings}
        choice={mail}
        password={password}
        wrong={wrong}
        fields={fields}
        off={off}
        onChange={setMail}
        onPassword={setPassword}
      />
      {problem && !wrong && Object.keys(fields).length === 0 && <FormProblem error={problem} />}
      <div className="flex justify-end">
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={off !== false ? off : !dirty && t('unchanged')}
        >
          {t('save')}
        </Button>
      </div>
    </form>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card>
      <CardHead title={title} />
      <div className="flex flex-col gap-4 p-4">{children}</div>
    </Card>
  )
}

function Tick({
  label,
  note,
  error,
  on,
  onChange,
}: {
  label: string
  note?: string
  error?: string | undefined
  on: boolean
  onChange: (on: boolean) => void
}) {
  const id = useId()
  return (
    <div className="flex items-start gap-2 *:first:-mt-0.5">
      <Checkbox
        id={id}
        checked={on}
        aria-describedby={note ? `${id}-note` : undefined}
        onChange={({ target }) => onChange(target.checked)}
      />
      <div className="min-w-0">
        <label htmlFor={id}>{label}</label>
        {(error ?? note) && (
          <p
            id={`${id}-note`}
            role={error ? 'alert' : undefined}
            className={error ? 'text-12 text-fail-fg' : 'text-12 text-t3'}
          >
            {error ?? note}
          </p>
        )}
      </div>
    </div>
  )
}
