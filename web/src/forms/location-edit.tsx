import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Location } from '~/api/types'
import { ifMatch } from '~/api/versions'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'

const t = texts('locations')
const common = texts('common')

/** What the dialog is for: nothing, a location that is not there yet, or one that is. */
export type Placing = 'new' | Location | undefined

export function LocationDialog({ placing, onClose }: { placing: Placing; onClose: () => void }) {
  const known = typeof placing === 'object' ? placing : undefined
  return (
    <Dialog
      open={placing !== undefined}
      onClose={onClose}
      title={known ? t('change_one', { name: known.name }) : t('new')}
      note={known ? undefined : t('edit.new_note')}
    >
      {placing !== undefined && <LocationForm known={known} onClose={onClose} />}
    </Dialog>
  )
}

function LocationForm({ known, onClose }: { known: Location | undefined; onClose: () => void }) {
  const [name, setName] = useState(known?.name ?? '')
  const [description, setDescription] = useState(known?.description ?? '')
  const save = useMutation({
    mutationFn: () => {
      const body = { name: name.trim(), description }
      return known
        ? must(
            api.PATCH('/locations/{location}', {
              params: { path: { location: known.id }, header: ifMatch(known.version) },
              body,
            }),
          )
        : must(api.POST('/locations', { body }))
    },
    onSuccess: (location) => {
      void queryClient.invalidateQueries({ queryKey: keys.locations })
      toast.done(t(known ? 'edit.saved' : 'edit.made', { name: location.name }))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const ready = name.trim() !== ''
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (ready && !save.isPending) save.mutate()
      }}
    >
      <Field label={t('edit.name')} help={t('edit.name_help')} error={problem?.fields.name}>
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
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={ready ? false : t('edit.name_needed')}
        >
          {t(known ? 'edit.save' : 'edit.make')}
        </Button>
      </DialogFoot>
    </form>
  )
}
