import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { nestsQuery } from '~/api/eggs'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { EggSummary } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Select } from '~/ui/field'

const t = texts('nests')
const common = texts('common')

type Moved = Pick<EggSummary, 'id' | 'name' | 'nest'>

export function EggMoveDialog({ egg, onClose }: { egg: Moved | undefined; onClose: () => void }) {
  return (
    <Dialog
      open={egg !== undefined}
      onClose={onClose}
      title={egg ? t('move.title', { egg: egg.name }) : ''}
      note={t('move.note')}
    >
      {egg && <MoveForm egg={egg} onClose={onClose} />}
    </Dialog>
  )
}

function MoveForm({ egg, onClose }: { egg: Moved; onClose: () => void }) {
  const nests = useQuery(nestsQuery)
  const before = egg.nest?.id ?? ''
  const [to, setTo] = useState(before)
  const save = useMutation({
    mutationFn: () =>
      must(api.PATCH('/eggs/{egg}', { params: { path: { egg: egg.id } }, body: { nest: to } })),
    onSuccess: ({ nest }) => {
      for (const queryKey of [keys.eggs, keys.egg(egg.id), keys.nests])
        void queryClient.invalidateQueries({ queryKey })
      toast.done(
        nest ? t('move.done', { egg: egg.name, nest: nest.name }) : t('move.done_out', { egg: egg.name }),
      )
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const known = nests.data ?? (egg.nest ? [egg.nest] : [])
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (to !== before && !save.isPending) save.mutate()
      }}
    >
      <Field label={t('filter')} error={problem?.fields.nest}>
        {(ids) => (
          <Select {...ids} value={to} onChange={(event) => setTo(event.target.value)}>
            <option value="">{t('outside')}</option>
            {known.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {problem && !problem.fields.nest && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={to === before ? t('move.same') : false}
        >
          {t('move.save')}
        </Button>
      </DialogFoot>
    </form>
  )
}
