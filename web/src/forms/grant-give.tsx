import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { rolesQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Role } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Select } from '~/ui/field'
import { endOf } from '~/util/ends'
import { fewOf, lackedOf } from '~/util/rights'
import { EndsField } from './ends'
import type { Picked } from './pick'
import { PickPerson } from './pick-person'
import { type Over, ReachField } from './reach'

interface Props {
  open: boolean
  /** Given where the role is fixed or the person is; the other one is asked for. */
  role?: Role
  person?: Picked
  onClose: () => void
}

/** Gives a role to somebody: which, over what, until when. */
export function GrantDialog({ open, onClose, role, person }: Props) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      width="md"
      title={role ? `Give the role ${role.name}` : `Give ${person?.name} a role`}
      note="It counts at once. Nobody gives what they do not have there themselves."
    >
      {open && <GrantForm {...{ onClose }} {...(role ? { role } : {})} {...(person ? { person } : {})} />}
    </Dialog>
  )
}

const FIELDS = ['user', 'target', 'expires_at']
const EVERYTHING: Over = { reach: 'everything', target: undefined }

function GrantForm({ role: fixed, person, onClose }: Omit<Props, 'open'>) {
  const mine = useMay()
  const roles = useQuery({ ...rolesQuery, enabled: !fixed })
  const [roleId, setRoleId] = useState('')
  const [user, setUser] = useState(person)
  const [over, setOver] = useState(EVERYTHING)
  const [day, setDay] = useState('')
  const role = fixed ?? roles.data?.find(({ id }) => id === roleId)
  const give = useMutation({
    mutationFn: () =>
      must(
        api.POST('/roles/{role}/grants', {
          params: { path: { role: role?.id ?? '' } },
          body: {
            user: user?.id ?? '',
            reach: over.reach,
            ...(over.target ? { target: over.target.id } : {}),
            expires_at: endOf(day),
          },
        }),
      ),
    onSuccess: (grant) => {
      void queryClient.invalidateQueries({ queryKey: keys.people })
      void queryClient.invalidateQueries({ queryKey: keys.roles })
      toast.done(`${grant.user.name} has the role ${grant.role.name}`)
      onClose()
    },
  })
  const problem = give.error ? asProblem(give.error) : undefined
  const wanting = [
    user ? '' : 'a person',
    role ? '' : 'a role',
    over.reach === 'everything' || over.target ? '' : `a ${over.reach}`,
  ].filter(Boolean)
  // Over one place somebody may have more than over all: there control alone knows.
  const lacked = role && over.reach === 'everything' ? lackedOf(role.keys, mine.keys) : []
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (wanting.length === 0 && lacked.length === 0 && !give.isPending) give.mutate()
      }}
    >
      {!person && <PickPerson picked={user} error={problem?.fields.user} onPick={setUser} />}
      {!fixed && (
        <Field
          label="Role"
          help={
            roles.data?.length === 0
              ? 'There is no role yet: make one under Roles'
              : role?.description || undefined
          }
        >
          {(ids) => (
            <Select {...ids} value={roleId} onChange={(event) => setRoleId(event.target.value)}>
              <option value="">Choose one</option>
              {roles.data?.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      <ReachField over={over} error={problem?.fields.target} onChange={setOver} />
      <EndsField day={day} error={problem?.fields.expires_at} onChange={setDay} />
      {lacked.length > 0 && (
        <p className="text-12 text-warn-fg">
          It holds what you do not have over everything: {fewOf(lacked)}. Nobody gives what they lack.
        </p>
      )}
      {problem && !FIELDS.some((field) => problem.fields[field]) && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          look="primary"
          busy={give.isPending}
          off={
            wanting.length > 0
              ? `Missing: ${wanting.join(' and ')}`
              : lacked.length > 0 && `You lack ${fewOf(lacked)} yourself`
          }
        >
          Give the role
        </Button>
      </DialogFoot>
    </form>
  )
}
