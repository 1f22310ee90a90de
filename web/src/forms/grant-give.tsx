import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { rolesQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Role } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
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

const t = texts('roles')
const form = texts('form_parts')
const common = texts('common')

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
      title={
        role
          ? t('give.title_role', { role: role.name })
          : t('give.title_person', { person: person?.name ?? '' })
      }
      note={t('give.note')}
    >
      {open && <GrantForm {...{ onClose }} {...(role ? { role } : {})} {...(person ? { person } : {})} />}
    </Dialog>
  )
}

const FIELDS = ['user', 'target', 'expires_at']
const EVERYTHING: Over = { reach: 'everything', target: undefined }

/** Person or role is fixed, so at most one of them is missing. */
function missingText(person: boolean, role: boolean, { reach, target }: Over): string | undefined {
  const what = !person ? 'person' : !role ? 'role' : undefined
  if (reach === 'everything' || target) return what && t(`give.missing.${what}`)
  return what ? t(`give.missing.${what}_place`, { reach }) : t('give.missing.place', { reach })
}

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
      toast.done(t('give.done', { person: grant.user.name, role: grant.role.name }))
      onClose()
    },
  })
  const problem = give.error ? asProblem(give.error) : undefined
  const missing = missingText(user !== undefined, role !== undefined, over)
  // Over one place somebody may have more than over all: there control alone knows.
  const lacked = role && over.reach === 'everything' ? lackedOf(role.keys, mine.keys) : []
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!missing && lacked.length === 0 && !give.isPending) give.mutate()
      }}
    >
      {!person && <PickPerson picked={user} error={problem?.fields.user} onPick={setUser} />}
      {!fixed && (
        <Field
          label={t('role')}
          help={roles.data?.length === 0 ? t('give.no_role') : role?.description || undefined}
        >
          {(ids) => (
            <Select {...ids} value={roleId} onChange={(event) => setRoleId(event.target.value)}>
              <option value="">{form('choose_one')}</option>
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
        <p className="text-12 text-warn-fg">{t('give.beyond', { rights: fewOf(lacked) })}</p>
      )}
      {problem && !FIELDS.some((field) => problem.fields[field]) && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={give.isPending}
          off={missing ?? (lacked.length > 0 && t('give.lack', { rights: fewOf(lacked) }))}
        >
          {t('give.submit')}
        </Button>
      </DialogFoot>
    </form>
  )
}
