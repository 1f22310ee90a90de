import { useMutation, useQuery } from '@tanstack/react-query'
import { ImagePlus, Trash2 } from 'lucide-react'
import { type ChangeEvent, type FormEvent, useId, useRef, useState } from 'react'
import { profileQuery } from '~/api/account'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Profile } from '~/api/types'
import { ifMatch } from '~/api/versions'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { isLanguage, LANGUAGES, OFFERED } from '~/i18n/languages'
import { texts } from '~/i18n/texts'
import { setLanguage } from '~/stores/language'
import { toast } from '~/stores/toasts'
import { Avatar, Card, CardHead, Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input, Select, Textarea } from '~/ui/field'
import { SkeletonRows } from '~/ui/wait'

const t = texts('profile')

const MOST_BYTES = 2 * 1024 * 1024

/** What somebody says about themselves, and how they like the panel. */
export function AboutMe({ username }: { username: string }) {
  const profile = useQuery(profileQuery)
  return (
    <Card>
      <CardHead title={t('title')} />
      {profile.isPending && <SkeletonRows rows={4} />}
      {profile.isError && (
        <div className="p-4">
          <ProblemView error={profile.error} onRetry={() => void profile.refetch()} />
        </div>
      )}
      {profile.data && (
        <>
          <Picture profile={profile.data} username={username} />
          {/* Another state is another form: what was typed was meant for the one before. */}
          <AboutForm key={profile.data.version} profile={profile.data} />
        </>
      )}
    </Card>
  )
}

function keep(profile: Profile): void {
  queryClient.setQueryData(keys.profile, profile)
  void queryClient.invalidateQueries({ queryKey: keys.session })
}

function Picture({ profile, username }: { profile: Profile; username: string }) {
  const file = useRef<HTMLInputElement>(null)
  const [large, setLarge] = useState(false)
  const put = useMutation({
    mutationFn: (picture: File) =>
      must(
        api.PUT('/account/avatar', {
          // The generated type of bytes is a list of numbers.
          body: picture as unknown as number[],
          bodySerializer: (body) => body as unknown as BodyInit,
          headers: { 'content-type': 'application/octet-stream' },
        }),
      ),
    onSuccess: keep,
  })
  const remove = useMutation({
    mutationFn: () => must(api.DELETE('/account/avatar')),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.profile }),
  })
  const error = put.error ?? remove.error
  return (
    <div className="flex flex-col gap-3 border-b border-line p-4">
      <div className="flex flex-wrap items-center gap-3">
        {profile.avatar ? (
          <img src={profile.avatar} alt={t('picture')} width={48} height={48} className="rounded-full" />
        ) : (
          <Avatar name={profile.display_name || username} />
        )}
        <input
          ref={file}
          type="file"
          accept="image/png,image/jpeg,image/webp"
          className="sr-only"
          tabIndex={-1}
          aria-label={t('picture')}
          onChange={({ target }: ChangeEvent<HTMLInputElement>) => {
            const [picture] = target.files ?? []
            target.value = ''
            if (!picture) return
            setLarge(picture.size > MOST_BYTES)
            if (picture.size <= MOST_BYTES) put.mutate(picture)
          }}
        />
        <Button size="sm" icon={ImagePlus} busy={put.isPending} onClick={() => file.current?.click()}>
          {t('picture_choose')}
        </Button>
        {profile.avatar && (
          <Button
            size="sm"
            look="quiet"
            icon={Trash2}
            busy={remove.isPending}
            onClick={() => remove.mutate()}
          >
            {t('picture_remove')}
          </Button>
        )}
      </div>
      <p className={large ? 'text-12 text-fail-fg' : 'text-12 text-t3'} role={large ? 'alert' : undefined}>
        {t(large ? 'picture_large' : 'picture_note')}
      </p>
      {error && !large && <FormProblem error={error} />}
    </div>
  )
}

function zones(chosen: string | null | undefined): string[] {
  const all = Intl.supportedValuesOf?.('timeZone') ?? []
  return chosen && !all.includes(chosen) ? [chosen, ...all] : all
}

function AboutForm({ profile }: { profile: Profile }) {
  const [next, setNext] = useState(profile)
  const [links, setLinks] = useState(profile.links.join('\n'))
  const set = (change: Partial<Profile>) => setNext((now) => ({ ...now, ...change }))
  const { avatar: _, version, ...said } = next
  const lines = links
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const body = { ...said, links: lines }
  const { avatar: __, version: ___, ...before } = profile
  const dirty = JSON.stringify(body) !== JSON.stringify(before)
  const save = useMutation({
    mutationFn: () => must(api.PUT('/account/profile', { body, params: { header: ifMatch(version) } })),
    onSuccess: async (kept) => {
      keep(kept)
      if (kept.language && kept.language !== profile.language) await setLanguage(kept.language)
      toast.done(t('saved'))
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const fields = problem?.fields ?? {}
  const wrongLink = Object.entries(fields).find(([name]) => name.startsWith('links'))?.[1]
  return (
    <form
      className="flex flex-col gap-4 p-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (dirty && !save.isPending) save.mutate()
      }}
    >
      <Field label={t('display_name')} help={t('display_name_help')} error={fields.display_name}>
        {(ids) => (
          <Input
            {...ids}
            maxLength={64}
            autoComplete="name"
            value={next.display_name}
            onChange={({ target }) => set({ display_name: target.value })}
          />
        )}
      </Field>
      <Field label={t('bio')} error={fields.bio}>
        {(ids) => (
          <Textarea
            {...ids}
            rows={3}
            maxLength={1000}
            value={next.bio}
            onChange={({ target }) => set({ bio: target.value })}
          />
        )}
      </Field>
      <Field label={t('links')} help={t('links_help')} error={wrongLink}>
        {(ids) => (
          <Textarea
            {...ids}
            rows={2}
            spellCheck={false}
            value={links}
            onChange={({ target }) => setLinks(target.value)}
          />
        )}
      </Field>
      <Field label={t('language')}>
        {(ids) => (
          <Select
            {...ids}
            value={next.language ?? ''}
            onChange={({ target }) => set({ language: isLanguage(target.value) ? target.value : null })}
          >
            <option value="">{t('language_browser')}</option>
            {OFFERED.map((each) => (
              <option key={each} value={each} lang={each}>
                {LANGUAGES[each]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t('time_zone')} error={fields.time_zone}>
        {(ids) => (
          <Select
            {...ids}
            value={next.time_zone ?? ''}
            onChange={({ target }) => set({ time_zone: target.value || null })}
          >
            <option value="">{t('time_zone_browser')}</option>
            {zones(next.time_zone).map((zone) => (
              <option key={zone}>{zone}</option>
            ))}
          </Select>
        )}
      </Field>
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-1.5 font-medium">{t('mail')}</legend>
        <Tick
          label={t('mail_log_in')}
          on={next.mail.log_in}
          onChange={(log_in) => set({ mail: { ...next.mail, log_in } })}
        />
        <Tick
          label={t('mail_shared')}
          on={next.mail.shared}
          onChange={(shared) => set({ mail: { ...next.mail, shared } })}
        />
        <p className="text-12 text-t3">{t('mail_note')}</p>
      </fieldset>
      <Tick label={t('shown')} on={next.shown} onChange={(shown) => set({ shown })} />
      {problem && Object.keys(fields).length === 0 && <FormProblem error={problem} />}
      <div className="flex justify-end">
        <Button type="submit" look="primary" busy={save.isPending} off={!dirty && t('unchanged')}>
          {t('save')}
        </Button>
      </div>
    </form>
  )
}

function Tick({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  const id = useId()
  return (
    <span className="flex items-start gap-2 *:first:-mt-0.5">
      <Checkbox id={id} checked={on} onChange={({ target }) => onChange(target.checked)} />
      <label htmlFor={id} className="min-w-0">
        {label}
      </label>
    </span>
  )
}
