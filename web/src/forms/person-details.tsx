import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { personQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Person } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { useSeen } from '~/hooks/use-seen'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input } from '~/ui/field'

const t = texts('people')
const form = texts('form_parts')

export function PersonDetails({ person, off }: { person: Person; off: string | false }) {
  const [username, setUsername] = useState(person.username)
  const [email, setEmail] = useState(person.email)
  const dirty = username !== person.username || email !== person.email
  const seen = useSeen(person.id, person, dirty, () => queryClient.fetchQuery(personQuery(person.id)))
  const save = useMutation({
    mutationFn: () =>
      seen.send((header) =>
        must(
          api.PATCH('/users/{user}', {
            params: { path: { user: person.id }, header },
            body: {
              ...(username !== person.username ? { username: username.trim() } : {}),
              ...(email !== person.email ? { email: email.trim() } : {}),
            },
          }),
        ),
      ),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(t('details.saved'))
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  return (
    <Card>
      <CardHead title={t('details.title')} />
      <form
        className="flex flex-col gap-4 p-4"
        noValidate
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (dirty && off === false && !save.isPending) save.mutate()
        }}
      >
        <Field label={form('username')} error={problem?.fields.username}>
          {(ids) => (
            <Input
              {...ids}
              autoCapitalize="none"
              autoComplete="off"
              spellCheck={false}
              maxLength={64}
              disabled={off !== false}
              value={username}
              onChange={(event) => setUsername(event.target.value)}
            />
          )}
        </Field>
        <Field label={form('email')} error={problem?.fields.email}>
          {(ids) => (
            <Input
              {...ids}
              type="email"
              autoComplete="off"
              maxLength={254}
              disabled={off !== false}
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
          )}
        </Field>
        {off !== false && <p className="text-12 text-t3">{off}</p>}
        {problem && !problem.fields.username && !problem.fields.email && <FormProblem error={problem} />}
        <div className="flex justify-end">
          <Button
            type="submit"
            busy={save.isPending}
            off={off !== false ? off : dirty ? false : form('nothing_changed')}
          >
            {form('save')}
          </Button>
        </div>
      </form>
    </Card>
  )
}
