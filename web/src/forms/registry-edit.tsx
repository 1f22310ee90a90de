import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Registry } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

/** What the dialog is for: nothing, a registry that is not known yet, or another credential for one that is. */
export type Editing = 'new' | Registry | undefined

/** Asks for a registry's host and credential. A password goes in and never comes out again. */
export function RegistryDialog({ editing, onClose }: { editing: Editing; onClose: () => void }) {
  const known = typeof editing === 'object' ? editing : undefined
  return (
    <Dialog
      open={editing !== undefined}
      onClose={onClose}
      title={known ? `Another credential for ${known.host}` : 'New registry'}
      note={
        known
          ? 'It takes the place of the one that is kept, which can not be shown.'
          : 'Nodes sign in there when a server’s image comes from it.'
      }
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
        ? must(api.PUT('/registries/{id}', { params: { path: { id: known.id } }, body: credential }))
        : must(api.POST('/registries', { body: { host: host.trim(), ...credential } }))
    },
    onSuccess: (registry) => {
      void queryClient.invalidateQueries({ queryKey: keys.registries })
      toast.done(
        known ? `${registry.host} has another credential` : `${registry.host} is known`,
        'Servers with images from there use it from their next pull on.',
      )
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const errors = { ...problem?.fields }
  if (problem?.code === 'registry_exists') errors.host = problem.message
  const wanting = [known || host.trim() ? '' : 'a host', password.trim() ? '' : 'a password'].filter(Boolean)
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (wanting.length === 0 && !save.isPending) save.mutate()
      }}
    >
      {!known && (
        <Field
          label="Host"
          help="As it stands in front of the image’s name: ghcr.io, registry.example:5000. docker.io is Docker’s own."
          error={errors.host}
        >
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
        label="User name"
        note="optional"
        help="Leave it empty where the token is all there is"
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
      <Field
        label="Password or token"
        help="One that may read is enough. It is kept encrypted and never shown again."
        error={errors.password}
      >
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
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={wanting.length > 0 ? `Missing: ${wanting.join(' and ')}` : false}
        >
          {known ? 'Replace' : 'Add registry'}
        </Button>
      </DialogFoot>
    </form>
  )
}
