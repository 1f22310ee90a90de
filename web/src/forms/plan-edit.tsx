import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Plan } from '~/api/types'
import { ifMatch } from '~/api/versions'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { planProblem } from '~/util/plan'
import { NamePurposeFields } from './name-purpose'
import { QuotaFields, readLimits, sameLimits, typedLimits, wrongLimits } from './quota-fields'

const t = texts('plans')
const common = texts('common')

/** What the dialog is for: nothing, a plan that is not there yet, or one that is. */
export type Planning = 'new' | Plan | undefined

export function PlanDialog({
  planning,
  bound = false,
  onClose,
}: {
  planning: Planning
  /** Why its numbers may not be changed by the reader. */
  bound?: string | false
  onClose: () => void
}) {
  const known = typeof planning === 'object' ? planning : undefined
  return (
    <Dialog
      open={planning !== undefined}
      onClose={onClose}
      width="md"
      title={known ? t('change_one', { name: known.name }) : t('new')}
      note={t(known ? 'edit.note' : 'edit.new_note')}
    >
      {planning !== undefined && <PlanForm {...{ known, bound, onClose }} />}
    </Dialog>
  )
}

function PlanForm({
  known,
  bound,
  onClose,
}: {
  known: Plan | undefined
  bound: string | false
  onClose: () => void
}) {
  const first = typedLimits(known?.limits ?? {})
  const [name, setName] = useState(known?.name ?? '')
  const [description, setDescription] = useState(known?.description ?? '')
  const [fields, setFields] = useState(first)
  const numbers = !sameLimits(fields, first)
  const save = useMutation({
    mutationFn: () => {
      if (!known)
        return must(
          api.POST('/plans', { body: { name: name.trim(), description, limits: readLimits(fields) } }),
        )
      return must(
        api.PATCH('/plans/{plan}', {
          params: { path: { plan: known.id }, header: ifMatch(known.version) },
          body: {
            ...(name.trim() !== known.name ? { name: name.trim() } : {}),
            ...(description !== known.description ? { description } : {}),
            ...(numbers ? { limits: readLimits(fields) } : {}),
          },
        }),
      )
    },
    onSuccess: (plan) => {
      void queryClient.invalidateQueries({ queryKey: keys.plans })
      void queryClient.invalidateQueries({ queryKey: keys.people })
      void queryClient.invalidateQueries({ queryKey: keys.accountQuota })
      if (known) toast.done(t('edit.saved', { name: plan.name }))
      else toast.done(t('edit.made', { name: plan.name }), t('edit.made_note'))
      onClose()
    },
  })
  const problem = save.error ? planProblem(save.error) : undefined
  const errors = Object.fromEntries(
    Object.entries(problem?.fields ?? {}).map(([field, text]) => [field.replace(/^limits\./, ''), text]),
  )
  const dirty = !known || numbers || name.trim() !== known.name || description !== known.description
  const off =
    name.trim() === ''
      ? t('edit.name_needed')
      : wrongLimits(fields)
        ? t('edit.wrong_number')
        : !dirty && t('edit.unchanged')
  return (
    <form
      className="flex flex-col gap-4"
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (off === false && !save.isPending) save.mutate()
      }}
    >
      <NamePurposeFields
        fresh={!known}
        {...{ name, description, errors }}
        onName={setName}
        onDescription={setDescription}
      />
      <p className="-mb-1 text-t2">{bound || t('edit.empty')}</p>
      <QuotaFields wide off={bound !== false} {...{ fields, errors }} onChange={setFields} />
      {problem && Object.keys(errors).length === 0 && <FormProblem error={problem} />}
      <DialogFoot stuck>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={save.isPending} off={off}>
          {t(known ? 'edit.save' : 'edit.make')}
        </Button>
      </DialogFoot>
    </form>
  )
}
