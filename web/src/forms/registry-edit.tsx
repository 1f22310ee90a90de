import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Registry } from '~/api/types'
import { ifMatch } from '~/api/versions'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

const t = texts('registries')
const common = texts('common')

/** What the dialog is for: nothing, a registry that is not known yet, or another credential for one that is. */
export type Editing = 'new' | Registry | undefined

/** Asks for a registry's host and credential. A password goes in and never comes out again. */
export function RegistryDialog({ editing, onClose }: { editing: Editing; onClose: () => void }) {
  const known = typeof editing === 'object' ? editing : undefined
  return (
    <Dialog
      open={editing !== undefined}
      onClose={onClose}
      title={known ? t('edit.title', { host: known.host }) : t('new')}
      note={t(known ? 'edit.note' : 'edit.new_note')}
    >
      {editing !== undefined && <RegistryForm known={known} onClose={onClose} />}
    </Dialog>
  )
}

const FIELDS = ['host', 'username', 'password']

function RegistryForm({ known, onClose }: { known: Registry | undefined; onClose: () => void }) {
  const [host, setHost] = useState('')
  const [username, setUsername] = useState(known?.username ?? '')
  const [password, setPassword] = useState('')
  const save = useMutation({
    mutationFn: () => {
      const credential = { username: username.trim(), password }
      return known
        ? must(
            api.PUT('/registries/{id}', {
              params: { path: { id: known.id }, header: ifMatch(known.version) },
              body: credential,
            }),
          )
        : must(api.POST('/registries', { body: { host: host.trim(), ...credential } }))
    },
    onSuccess: (registry) => {
      void queryClient.invalidateQueries({ queryKey: keys.registries })
      toast.done(t(known ? 'edit.changed' : 'edit.added', { host: registry.host }), t('edit.done_note'))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const errors = { ...problem?.fields }
  if (problem?.code === 'registry_exists') errors.host = problem.message
  const wants = { host: !known && !host.trim(), password: !password.trim() }
  const wanting = wants.host ? (wants.password ? 'both' : 'host') : wants.password && 'password'
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!wanting && !save.isPending) save.mutate()
      }}
    >
      {!known && (
        <Field label={t('edit.host')} help={t('edit.host_help')} error={errors.host}>
          {(ids) => (
            <Input
              {...ids}
              code
              autoFocus
              autoCapitalize="none"
              autoComplete="off"
              spellCheck={false}
              maxLength={253}
              value={host}
              onChange={(event) => setHost(event.target.value)}
            />
          )}
        </Field>
      )}
      <Field
        label={t('edit.user')}
        note={t('edit.optional')}
        help={t('edit.user_help')}
        error={errors.username}
      >
        {(ids) => (
          <Input
            {...ids}
            autoCapitalize="none"
            autoComplete="off"
            spellCheck={false}
            maxLength={256}
            value={username}
            onChange={(event) => setUsername(event.target.value)}
          />
        )}
      </Field>
      <Field label={t('edit.password')} help={t('edit.password_help')} error={errors.password}>
        {(ids) => (
          <Input
            {...ids}
            type="password"
            autoFocus={known !== undefined}
            autoComplete="new-password"
            maxLength={4096}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      {problem && !FIELDS.some((field) => errors[field]) && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={wanting && t('edit.missing', { what: wanting })}
        >
          {t(known ? 'edit.replace' : 'edit.add')}
        </Button>
      </DialogFoot>
    </form>
  )
}
