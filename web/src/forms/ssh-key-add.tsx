import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Textarea } from '~/ui/field'
import { visible } from '~/util/visible'
import { OwnPassword } from './own-password'

const t = texts('ssh_keys')

export function AddSshKeyDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title={t('add')} note={t('add_note')}>
      {open && <AddForm onClose={onClose} />}
    </Dialog>
  )
}

function AddForm({ onClose }: { onClose: () => void }) {
  const [line, setLine] = useState('')
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const add = useMutation({
    mutationFn: () =>
      must(
        api.POST('/account/ssh-keys', {
          body: {
            public_key: line,
            current_password: password,
            ...(name.trim() ? { name: name.trim() } : {}),
          },
        }),
      ),
    onSuccess: async ({ name }) => {
      await queryClient.invalidateQueries({ queryKey: keys.sshKeys })
      onClose()
      toast.done(t('added'), visible(name))
    },
  })
  const problem = add.error ? asProblem(add.error) : undefined
  const fields = problem?.fields ?? {}
  const wrong = fields.current_password ?? (problem && attemptsText(problem))
  const told = wrong || fields.public_key || fields.name
  const empty = line.trim() === ''
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!empty && !add.isPending) add.mutate()
      }}
    >
      <Field label={t('key')} help={t('key_help')} error={fields.public_key}>
        {(ids) => (
          <Textarea
            {...ids}
            autoFocus
            rows={4}
            spellCheck={false}
            autoComplete="off"
            value={line}
            onChange={(event) => setLine(event.target.value)}
            className="mono text-12!"
          />
        )}
      </Field>
      <Field label={t('name')} help={t('name_help')} error={fields.name}>
        {(ids) => (
          <Input
            {...ids}
            autoComplete="off"
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <OwnPassword value={password} help={t('password_help')} onChange={setPassword} error={wrong} />
      {problem && !told && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={add.isPending} off={empty && t('key_needed')}>
          {t('add')}
        </Button>
      </DialogFoot>
    </form>
  )
}
