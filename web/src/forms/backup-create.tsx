import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { BackupList, Server } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select, Textarea } from '~/ui/field'
import { visible } from '~/util/visible'

const t = texts('backups')

interface Props {
  server: Server
  stores: BackupList['stores']
  open: boolean
  onClose: () => void
}

/** Asks for what a backup is to be; all of it may be left out. */
export function BackupDialog({ open, ...rest }: Props) {
  return (
    <Dialog open={open} onClose={rest.onClose} title={t('new')} note={t('create.note')}>
      {open && <BackupForm {...rest} />}
    </Dialog>
  )
}

function BackupForm({ server, stores, onClose }: Omit<Props, 'open'>) {
  const [name, setName] = useState('')
  const [store, setStore] = useState('')
  const [ignore, setIgnore] = useState('')
  const make = useMutation({
    mutationFn: () =>
      must(
        api.POST('/servers/{server}/backups', {
          params: { path: { server: server.id } },
          body: {
            name: name.trim() || null,
            store: store || null,
            ignore: ignore.split('\n'),
            locked: false,
          },
        }),
      ),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: keys.backups(server.id) })
      toast.done(t('create.done'))
      onClose()
    },
  })
  const problem = make.error ? asProblem(make.error) : undefined
  const errors = { ...problem?.fields }
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!make.isPending) make.mutate()
      }}
    >
      <Field label={t('field.name')} note={t('optional')} error={errors.name}>
        {(ids) => (
          <Input
            {...ids}
            autoFocus
            autoComplete="off"
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      {stores.length > 1 && (
        <Field label={t('field.store')} error={errors.store}>
          {(ids) => (
            <Select {...ids} value={store} onChange={(event) => setStore(event.target.value)}>
              <option value="">{t('field.store_usual')}</option>
              {stores.map((each) => (
                <option key={each.id} value={each.id}>
                  {visible(each.name)}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      <Field
        label={t('field.ignore')}
        note={t('optional')}
        help={t('field.ignore_help')}
        error={errors.ignore}
      >
        {(ids) => (
          <Textarea
            {...ids}
            rows={3}
            spellCheck={false}
            value={ignore}
            onChange={(event) => setIgnore(event.target.value)}
          />
        )}
      </Field>
      {problem && Object.keys(errors).length === 0 && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={make.isPending}>
          {t('create.verb')}
        </Button>
      </DialogFoot>
    </form>
  )
}
