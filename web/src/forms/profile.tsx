import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import { FormProblem } from '~/components/problem-view'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { OwnPassword } from './own-password'

export function ProfileForm({ email, username }: { email: string; username: string }) {
  const [mail, setMail] = useState(email)
  const [name, setName] = useState(username)
  const [password, setPassword] = useState('')
  const moves = mail !== email
  const save = useMutation({
    mutationFn: () =>
      must(
        api.PATCH('/account', {
          body: {
            ...(name !== username ? { username: name } : {}),
            ...(moves ? { email: mail, current_password: password } : {}),
          },
        }),
      ),
    onSuccess: async () => {
      setPassword('')
      await queryClient.invalidateQueries({ queryKey: keys.session })
      toast.done('Profile saved')
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const dirty = moves || name !== username
  return (
    <Card>
      <CardHead title="Profile" />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (dirty) save.mutate()
        }}
      >
        <Field label="User name" error={problem?.fields.username}>
          {(ids) => (
            <Input
              {...ids}
              required
              autoComplete="username"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label="E-mail" error={problem?.fields.email}>
          {(ids) => (
            <Input
              {...ids}
              type="email"
              required
              autoComplete="email"
              value={mail}
              onChange={(event) => setMail(event.target.value)}
            />
          )}
        </Field>
        {moves && (
          <OwnPassword
            label="Current password"
            help="Links to another password go to this address, so changing it takes the password."
            error={problem?.fields.current_password}
            value={password}
            onChange={setPassword}
          />
        )}
        {problem && Object.keys(problem.fields).length === 0 && <FormProblem error={problem} />}
        <div className="flex justify-end">
          <Button type="submit" busy={save.isPending} off={dirty ? false : 'Nothing has changed'}>
            Save
          </Button>
        </div>
      </form>
    </Card>
  )
}
