import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Person } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Textarea } from '~/ui/field'
import { plural } from '~/util/format'

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
      title={suspended ? `Why ${username} is suspended` : `Suspend ${username}?`}
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
      toast.done(suspended ? 'The reason is changed' : `${username} is suspended`)
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  // As the panel counts: a character beyond the first 65,536 is one, not two.
  const length = [...reason.trim()].length
  const long = length > MOST ? `${plural(length - MOST, 'character')} too many` : undefined
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
          <li>They are signed out everywhere within a second, and can’t sign in.</li>
          <li>Their API keys, event consumers and join tokens stop working.</li>
          <li>
            {servers > 0 ? `Their ${plural(servers, 'server')} go on` : 'Servers go on'}: those are suspended
            by themselves.
          </li>
        </ul>
      )}
      <Field
        label="Reason"
        note="optional"
        help="They are told this at a log-in."
        error={problem?.fields.reason ?? long}
        aside={
          <span className={length > MOST ? 'num text-fail-fg' : 'num text-t3'}>
            {length} of {MOST}
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
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          look={suspended ? 'primary' : 'destroy'}
          busy={save.isPending}
          off={long ? 'The reason is too long' : same && 'Nothing has changed'}
        >
          {suspended ? 'Save' : 'Suspend'}
        </Button>
      </DialogFoot>
    </form>
  )
}
