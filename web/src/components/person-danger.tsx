import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Person } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Switch } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Confirm, Dialog } from '~/ui/dialog'
import { plural } from '~/util/format'
import { FirstPassword } from './first-password'
import { Intervention } from './intervention'
import { PersonSuspension } from './person-suspension'

/** Admin or not, another password, no second step, a suspension, the end of an account. */
export function PersonDanger({ person, off }: { person: Person; off: string | false }) {
  const navigate = useNavigate()
  const { user: me, admin: iAmAdmin, may } = useMay()
  const [asking, setAsking] = useState<'admin' | 'password' | 'second-factor' | 'remove'>()
  const [password, setPassword] = useState<string>()
  const own = person.id === me?.id
  const name = person.username
  const close = () => setAsking(undefined)
  async function setAdmin(admin: boolean) {
    try {
      await must(api.PATCH('/users/{user}', { params: { path: { user: person.id } }, body: { admin } }))
      await queryClient.invalidateQueries({ queryKey: keys.people })
    } catch (error) {
      toast.error('Not changed', error)
      throw error
    }
  }
  async function reset() {
    try {
      const made = await must(api.POST('/users/{user}/password', { params: { path: { user: person.id } } }))
      await queryClient.invalidateQueries({ queryKey: keys.people })
      setPassword(made.password)
    } catch (error) {
      toast.error('Not reset', error)
      throw error
    }
  }
  async function endSecondFactor() {
    try {
      await must(api.DELETE('/users/{user}/second-factor', { params: { path: { user: person.id } } }))
      await queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(`${name} signs in with the password alone`)
    } catch (error) {
      toast.error('Not turned off', error)
      throw error
    }
  }
  async function remove() {
    try {
      await must(api.DELETE('/users/{user}', { params: { path: { user: person.id } } }))
      await navigate({ to: '/people' })
      queryClient.removeQueries({ queryKey: keys.person(person.id) })
      void queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(`${name} is removed`)
    } catch (error) {
      toast.error('Not removed', error)
      throw error
    }
  }
  const adminOff = own
    ? 'Nobody changes their own rights; another admin has to.'
    : !iAmAdmin
      ? 'Only an admin makes admins and unmakes them.'
      : undefined
  const removeOff = own
    ? 'Nobody removes the account that they are using'
    : !may('person.delete')
      ? 'You may not remove accounts'
      : person.admin && !iAmAdmin
        ? 'This is an admin’s account, and you are none'
        : person.servers > 0 &&
          `Owns ${plural(person.servers, 'server')}; delete them first, or give them to others`
  return (
    <Card>
      <CardHead title="Interventions" />
      <Intervention
        title="Admin"
        text={adminOff ?? 'May do everything, to everybody. The last admin stays one.'}
      >
        <Switch
          label={`${name} is an admin`}
          checked={person.admin}
          disabled={adminOff !== undefined}
          onChange={() => setAsking('admin')}
        />
      </Intervention>
      <Intervention
        title="Reset the password"
        text={
          own
            ? 'Your own is changed under Account.'
            : 'Makes one up, shown once. They are signed out everywhere, their API keys end, and they choose their own when they sign in with it.'
        }
      >
        <Button
          look="danger"
          off={own ? 'Your own is changed under Account' : off}
          onClick={() => setAsking('password')}
        >
          Reset
        </Button>
      </Intervention>
      {person.second_factor && (
        <Intervention
          title="Remove two-step sign-in"
          text={
            own
              ? 'Your own is turned off under Account.'
              : 'For somebody who has lost the app and the recovery codes. They are signed out everywhere and sign in with the password alone.'
          }
        >
          <Button
            look="danger"
            off={own ? 'Your own is turned off under Account' : off}
            onClick={() => setAsking('second-factor')}
          >
            Turn off
          </Button>
        </Intervention>
      )}
      <PersonSuspension person={person} />
      <Intervention
        title="Remove"
        text={
          person.servers > 0
            ? `An account that owns servers can’t be removed; this one owns ${plural(person.servers, 'server')}.`
            : 'All that they opened closes within a second; their keys and roles go. Name and address are free again.'
        }
      >
        <Button look="danger" off={removeOff} onClick={() => setAsking('remove')}>
          Remove
        </Button>
      </Intervention>
      <Confirm
        open={asking === 'admin'}
        onClose={close}
        title={person.admin ? `${name} is no admin any more?` : `Make ${name} an admin?`}
        verb={person.admin ? 'Take it away' : 'Make an admin'}
        destroys={person.admin}
        onConfirm={() => setAdmin(!person.admin)}
      >
        {person.admin
          ? 'They keep their roles and servers. What they have open beyond that closes within a second.'
          : 'They may then do everything on every server and node, change every account, and make admins of others.'}
      </Confirm>
      <Confirm
        open={asking === 'password'}
        onClose={close}
        title={`Reset the password of ${name}?`}
        verb="Reset"
        onConfirm={reset}
      >
        The one that they have ends now, they are signed out everywhere, and their API keys end.
      </Confirm>
      <Dialog
        open={password !== undefined}
        onClose={() => setPassword(undefined)}
        title={`The new password of ${name}`}
        note="It is shown once. Copy it now."
      >
        {password !== undefined && (
          <FirstPassword username={name} password={password} onClose={() => setPassword(undefined)} />
        )}
      </Dialog>
      <Confirm
        open={asking === 'second-factor'}
        onClose={close}
        title={`Remove two-step sign-in of ${name}?`}
        verb="Turn off"
        onConfirm={endSecondFactor}
      >
        Be sure that it is them who ask: with it gone, their password alone lets anybody in. Roles that count
        only with it give them nothing until they set it up again.
      </Confirm>
      <Confirm
        open={asking === 'remove'}
        onClose={close}
        title={`Remove ${name}?`}
        verb="Remove"
        typed={name}
        onConfirm={remove}
      >
        The account is gone at once. This can't be undone.
      </Confirm>
    </Card>
  )
}
