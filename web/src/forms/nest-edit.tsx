import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Nest } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

const t = texts('nests')
const common = texts('common')

/** What the dialog is for: nothing, a nest that is not there yet, or one that is. */
export type Nesting = 'new' | Nest | undefined

export function NestDialog({ nesting, onClose }: { nesting: Nesting; onClose: () => void }) {
  const known = typeof nesting === 'object' ? nesting : undefined
  return (
    <Dialog
      open={nesting !== undefined}
      onClose={onClose}
      title={known ? t('edit.title', { name: known.name }) : t('new')}
      note={known ? undefined : t('edit.note')}
    >
      {nesting !== undefined && <NestForm known={known} onClose={onClose} />}
    </Dialog>
  )
}

function NestForm({ known, onClose }: { known: Nest | undefined; onClose: () => void }) {
  const [name, setName] = useState(known?.name ?? '')
  const [description, setDescription] = useState(known?.description ?? '')
  const save = useMutation({
    mutationFn: () => {
      const body = { name: name.trim(), description }
      return known
        ? must(api.PATCH('/nests/{nest}', { params: { path: { nest: known.id } }, body }))
        : must(api.POST('/nests', { body }))
    },
    onSuccess: (nest) => {
      void queryClient.invalidateQueries({ queryKey: keys.nests })
      void queryClient.invalidateQueries({ queryKey: keys.eggs })
      toast.done(t(known ? 'edit.saved' : 'edit.made', { name: nest.name }))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const same = known && name.trim() === known.name && description === known.description
  const off = name.trim() === '' ? t('edit.no_name') : same ? t('edit.same') : false
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (off === false && !save.isPending) save.mutate()
      }}
    >
      <Field label={t('edit.name')} error={problem?.fields.name}>
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
      <Field label={t('edit.description')} note={t('edit.optional')} error={problem?.fields.description}>
        {(ids) => (
          <Input
            {...ids}
            maxLength={512}
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
      </Field>
      {problem && !problem.fields.name && !problem.fields.description && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={save.isPending} off={off}>
          {t(known ? 'edit.save' : 'edit.make')}
        </Button>
      </DialogFoot>
    </form>
  )
}
