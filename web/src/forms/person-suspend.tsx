import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Person } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Textarea } from '~/ui/field'

const t = texts('people')
const form = texts('form_parts')
const common = texts('common')

const MOST = 512

/** Asks why, and suspends; of somebody who is suspended it changes the reason. */
export function SuspendDialog({
  person,
  open,
  onClose,
}: {
  person: Person
  open: boolean
  onClose: () => void
}) {
  const { username, suspended } = person
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={t(suspended ? 'suspension.why' : 'suspension.ask', { name: username })}
    >
      {open && <SuspendForm {...{ person, onClose }} />}
    </Dialog>
  )
}

function SuspendForm({ person, onClose }: { person: Person; onClose: () => void }) {
  const { id, username, suspended, servers } = person
  const [reason, setReason] = useState(suspended?.reason ?? '')
  const save = useMutation({
    mutationFn: () =>
      must(
        api.PUT('/users/{user}/suspension', {
          params: { path: { user: id } },
          body: { reason: reason.trim() },
        }),
      ),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(suspended ? t('suspension.changed') : t('suspension.done', { name: username }))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  // As the panel counts: a character beyond the first 65,536 is one, not two.
  const length = [...reason.trim()].length
  const long = length > MOST ? t('suspension.too_many', { n: length - MOST }) : undefined
  const same = suspended !== null && reason.trim() === suspended.reason
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!long && !same && !save.isPending) save.mutate()
      }}
    >
      {!suspended && (
        <ul className="list-disc pl-4 text-t2">
          <li>{t('suspension.signed_out')}</li>
          <li>{t('suspension.keys')}</li>
          <li>{t('suspension.servers', { n: servers })}</li>
        </ul>
      )}
      <Field
        label={t('suspension.reason')}
        note={form('optional')}
        help={t('suspension.reason_help')}
        error={problem?.fields.reason ?? long}
        aside={
          <span className={length > MOST ? 'num text-fail-fg' : 'num text-t3'}>
            {t('suspension.length', { n: length, most: MOST })}
          </span>
        }
      >
        {(ids) => (
          <Textarea
            {...ids}
            autoFocus
            rows={3}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        )}
      </Field>
      {problem && !problem.fields.reason && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button
          type="submit"
          look={suspended ? 'primary' : 'destroy'}
          busy={save.isPending}
          off={long ? t('suspension.too_long') : same && form('nothing_changed')}
        >
          {suspended ? form('save') : t('suspension.suspend')}
        </Button>
      </DialogFoot>
    </form>
  )
}
