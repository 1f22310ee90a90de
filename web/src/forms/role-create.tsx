import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { permissionsQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Permissions } from '~/api/types'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { SkeletonRows } from '~/ui/wait'
import { missingText } from '~/util/rights'
import { KeyPicker } from './key-picker'
import { NamePurposeFields } from './name-purpose'
import { RoleSecondFactor } from './role-second-factor'

const t = texts('roles')
const common = texts('common')

/** Makes a role, and opens its page: there it is given to people. */
export function RoleDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const permissions = useQuery({ ...permissionsQuery, enabled: open })
  return (
    <Dialog open={open} onClose={onClose} width="lg" title={t('new')} note={t('make.note')}>
      {permissions.isError && (
        <ProblemView error={permissions.error} onRetry={() => void permissions.refetch()} />
      )}
      {permissions.isPending && <SkeletonRows rows={4} />}
      {open && permissions.data && <NewRole permissions={permissions.data} onClose={onClose} />}
    </Dialog>
  )
}

function NewRole({ permissions, onClose }: { permissions: Permissions; onClose: () => void }) {
  const navigate = useNavigate()
  const mine = useMay()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const [secondFactor, setSecondFactor] = useState(false)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set<string>())
  const make = useMutation({
    mutationFn: () =>
      must(
        api.POST('/roles', {
          body: { name: name.trim(), description, keys: [...chosen], second_factor: secondFactor },
        }),
      ),
    onSuccess: async (role) => {
      queryClient.setQueryData(keys.role(role.id), role)
      void queryClient.invalidateQueries({ queryKey: keys.roles })
      await navigate({ to: '/roles/$role', params: { role: role.id } })
    },
  })
  const problem = make.error ? asProblem(make.error) : undefined
  const missing = missingText(name.trim() !== '', chosen.size > 0)
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!missing && !make.isPending) make.mutate()
      }}
    >
      <NamePurposeFields
        fresh
        {...{ name, description }}
        errors={problem?.fields ?? {}}
        onName={setName}
        onDescription={setDescription}
      />
      <RoleSecondFactor on={secondFactor} onChange={setSecondFactor} />
      <KeyPicker permissions={permissions.keys} chosen={chosen} mine={mine.keys} onChange={setChosen} />
      {problem && !problem.fields.name && !problem.fields.description && <FormProblem error={problem} />}
      <DialogFoot stuck>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={make.isPending} off={missing ?? false}>
          {t('make.submit')}
        </Button>
      </DialogFoot>
    </form>
  )
}
