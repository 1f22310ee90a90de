import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Person } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input } from '~/ui/field'

export function PersonDetails({ person, off }: { person: Person; off: string | false }) {
  const [username, setUsername] = useState(person.username)
  const [email, setEmail] = useState(person.email)
  const save = useMutation({
    mutationFn: () =>
      must(
        api.PATCH('/users/{user}', {
          params: { path: { user: person.id } },
          body: {
            ...(username !== person.username ? { username: username.trim() } : {}),
            ...(email !== person.email ? { email: email.trim() } : {}),
          },
        }),
      ),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done('Details saved')
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const dirty = username !== person.username || email !== person.email
  return (
    <Card>
      <CardHead title="Details" />
      <form
        className="flex flex-col gap-4 p-4"
        noValidate
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (dirty && off === false && !save.isPending) save.mutate()
        }}
      >
        <Field label="User name" error={problem?.fields.username}>
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
        <Field label="E-mail" error={problem?.fields.email}>
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
            off={off !== false ? off : dirty ? false : 'Nothing has changed'}
          >
            Save
          </Button>
        </div>
      </form>
    </Card>
  )
}
