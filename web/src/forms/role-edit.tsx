import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { roleQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Permissions, Role } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { useSeen } from '~/hooks/use-seen'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { sentence } from '~/util/format'
import { changeText } from '~/util/rights'
import { KeyPicker } from './key-picker'
import { NamePurposeFields } from './name-purpose'
import { RoleSecondFactor } from './role-second-factor'

const t = texts('roles')
const form = texts('form_parts')

/** Name, rights and condition of a role, saved as one: it counts at once for everybody who has it. */
export function RoleForm({
  role,
  permissions,
  off,
}: {
  role: Role
  permissions: Permissions
  off: string | false
}) {
  const mine = useMay()
  const [name, setName] = useState(role.name)
  const [description, setDescription] = useState(role.description)
  const [secondFactor, setSecondFactor] = useState(role.second_factor)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(role.keys))
  const change = changeText(role.keys, chosen)
  const dirty =
    change !== '' ||
    name.trim() !== role.name ||
    description !== role.description ||
    secondFactor !== role.second_factor
  const seen = useSeen(role.id, role, dirty, () => queryClient.fetchQuery(roleQuery(role.id)))
  const save = useMutation({
    mutationFn: () =>
      seen.send((header) =>
        must(
          api.PATCH('/roles/{role}', {
            params: { path: { role: role.id }, header },
            body: {
              ...(name.trim() !== role.name ? { name: name.trim() } : {}),
              ...(description !== role.description ? { description } : {}),
              ...(secondFactor !== role.second_factor ? { second_factor: secondFactor } : {}),
              ...(change ? { keys: [...chosen] } : {}),
            },
          }),
        ),
      ),
    onSuccess: async (fresh) => {
      queryClient.setQueryData(keys.role(role.id), fresh)
      void queryClient.invalidateQueries({ queryKey: keys.roles })
      void queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(t('edit.saved', { name: fresh.name }))
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const wanting =
    off !== false ? off : name.trim() === '' ? form('name_needed') : dirty ? false : form('nothing_changed')
  const counts = t('edit.counts', { n: role.grants })
  return (
    <Card>
      <CardHead title={t('edit.title')} />
      <form
        className="flex flex-col gap-4 p-4 pb-0"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (wanting === false && !save.isPending) save.mutate()
        }}
      >
        <NamePurposeFields
          {...{ name, description }}
          off={off !== false}
          errors={problem?.fields ?? {}}
          onName={setName}
          onDescription={setDescription}
        />
        <RoleSecondFactor on={secondFactor} off={off !== false} onChange={setSecondFactor} />
        <KeyPicker
          permissions={permissions.keys}
          chosen={chosen}
          mine={mine.keys}
          off={off}
          onChange={setChosen}
        />
        {problem && !problem.fields.name && !problem.fields.description && <FormProblem error={problem} />}
        <div className="sticky bottom-0 z-1 -mx-4 flex flex-wrap items-center justify-end gap-x-3 gap-y-2 rounded-b-box border-t border-line bg-surface px-4 py-3">
          <span className="mr-auto text-12 text-t3" role="status">
            {change ? t('edit.change_counts', { change: sentence(change), counts }) : counts}
          </span>
          <Button type="submit" look="primary" busy={save.isPending} off={wanting}>
            {form('save')}
          </Button>
        </div>
      </form>
    </Card>
  )
}
