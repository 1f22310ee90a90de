import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { permissionsQuery, subusersQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient, sessionQuery } from '~/api/queries'
import type { Permissions, Server, Subuser } from '~/api/types'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { useSeen } from '~/hooks/use-seen'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { SkeletonRows } from '~/ui/wait'
import { dayOf, endOf } from '~/util/ends'
import { changeText, missingText, SEES_SERVER } from '~/util/rights'
import { EndsField } from './ends'
import { KeyPicker } from './key-picker'
import { PresetPicker } from './preset-picker'

const t = texts('sharing')
const form = texts('form_parts')
const common = texts('common')

/** What the dialog is for: nothing, somebody who has no access yet, or a change for one who has. */
export type Sharing = 'new' | Subuser | undefined

/** Gives somebody access to a server, or changes what they may do on it. */
export function SubuserDialog({
  server,
  sharing,
  onClose,
}: {
  server: Server
  sharing: Sharing
  onClose: () => void
}) {
  const permissions = useQuery(permissionsQuery)
  // What the page was opened with.
  const session = useQuery({ ...sessionQuery, enabled: false })
  const known = typeof sharing === 'object' ? sharing : undefined
  return (
    <Dialog
      open={sharing !== undefined}
      onClose={onClose}
      width="lg"
      title={known ? t('edit.what', { name: known.username }) : t('edit.give_to', { server: server.name })}
      note={t(known ? 'edit.note' : 'edit.note_new')}
    >
      {permissions.isError && (
        <ProblemView error={permissions.error} onRetry={() => void permissions.refetch()} />
      )}
      {permissions.isPending && <SkeletonRows rows={4} />}
      {sharing !== undefined && permissions.data && (
        <SubuserForm
          known={known}
          {...{ server, onClose }}
          permissions={permissions.data}
          invites={session.data?.panel.invites_by_sharing ?? false}
        />
      )}
    </Dialog>
  )
}

const FIELDS = ['login', 'keys', 'expires_at']

function SubuserForm({
  server,
  known,
  permissions,
  invites,
  onClose,
}: {
  server: Server
  known: Subuser | undefined
  permissions: Permissions
  invites: boolean
  onClose: () => void
}) {
  const [login, setLogin] = useState('')
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(known?.keys))
  const [day, setDay] = useState(dayOf(known?.expires_at ?? null))
  const mine = new Set(server.permissions)
  const ofServers = permissions.keys.filter(({ set }) => set === 'server')
  // A dialog counts from its opening.
  const seen = useSeen(`${server.id}/${known?.id}`, known ?? { version: '' }, true, async () => {
    const now = await queryClient.fetchQuery(subusersQuery(server.id))
    return now.find(({ id }) => id === known?.id) ?? { version: '' }
  })
  const save = useMutation({
    mutationFn: () => {
      const rights = { keys: [...chosen], expires_at: endOf(day, known?.expires_at) }
      return known
        ? seen.send((header) =>
            must(
              api.PUT('/servers/{server}/users/{user}', {
                params: { path: { server: server.id, user: known.id }, header },
                body: rights,
              }),
            ),
          )
        : must(
            api.POST('/servers/{server}/users', {
              params: { path: { server: server.id } },
              body: { login: login.trim(), ...rights },
            }),
          )
    },
    onSuccess: ({ username, invited }) => {
      void queryClient.invalidateQueries({ queryKey: keys.subusers(server.id) })
      if (known) toast.done(t('edit.changed', { name: username }))
      else if (invited) toast.done(t('edit.invited'), t('edit.invited_note', { name: username }))
      else toast.done(t('edit.given', { name: username, server: server.name }))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const errors = { ...problem?.fields }
  if (problem?.code === 'has_access') errors.login = problem.message
  const missing = missingText(known !== undefined || login.trim() !== '', chosen.size > 0)
  const same = known && changeText(known.keys, chosen) === '' && day === dayOf(known.expires_at)
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!missing && !same && !save.isPending) save.mutate()
      }}
    >
      <div className="grid grid-cols-2 gap-4 max-sm:grid-cols-1">
        {!known && (
          <Field
            label={t('edit.login')}
            help={t(invites ? 'edit.login_invites' : 'edit.login_known')}
            error={errors.login}
          >
            {(ids) => (
              <Input
                {...ids}
                autoFocus
                autoCapitalize="none"
                autoComplete="off"
                spellCheck={false}
                maxLength={254}
                value={login}
                onChange={(event) => setLogin(event.target.value)}
              />
            )}
          </Field>
        )}
        <EndsField day={day} error={errors.expires_at} onChange={setDay} />
      </div>
      <div>
        <div className="mb-1.5 font-medium">{t('list.may')}</div>
        <PresetPicker
          presets={permissions.presets}
          {...{ chosen, mine }}
          onChoose={(preset) => setChosen(new Set([...preset.keys, SEES_SERVER]))}
        />
      </div>
      <KeyPicker permissions={ofServers} {...{ chosen, mine }} sees onChange={setChosen} />
      {errors.keys && <FormProblem error={problem} />}
      {problem && !FIELDS.some((field) => errors[field]) && <FormProblem error={problem} />}
      <DialogFoot stuck>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={missing ?? (same && form('nothing_changed'))}
        >
          {known ? form('save') : t('give')}
        </Button>
      </DialogFoot>
    </form>
  )
}
