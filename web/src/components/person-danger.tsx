import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Person } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Switch } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Confirm, Dialog } from '~/ui/dialog'
import { FirstPassword } from './first-password'
import { Intervention } from './intervention'
import { PersonSuspension } from './person-suspension'

const t = texts('people')

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
      toast.error(t('danger.not_changed'), error)
      throw error
    }
  }
  async function reset() {
    try {
      const made = await must(api.POST('/users/{user}/password', { params: { path: { user: person.id } } }))
      await queryClient.invalidateQueries({ queryKey: keys.people })
      setPassword(made.password)
    } catch (error) {
      toast.error(t('danger.reset_failed'), error)
      throw error
    }
  }
  async function endSecondFactor() {
    try {
      await must(api.DELETE('/users/{user}/second-factor', { params: { path: { user: person.id } } }))
      await queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(t('danger.factor_done', { name }))
    } catch (error) {
      toast.error(t('danger.factor_failed'), error)
      throw error
    }
  }
  async function remove() {
    try {
      await must(api.DELETE('/users/{user}', { params: { path: { user: person.id } } }))
      await navigate({ to: '/people' })
      queryClient.removeQueries({ queryKey: keys.person(person.id) })
      void queryClient.invalidateQueries({ queryKey: keys.people })
      toast.done(t('danger.removed', { name }))
    } catch (error) {
      toast.error(t('danger.remove_failed'), error)
      throw error
    }
  }
  const adminOff = own ? t('danger.admin_own') : !iAmAdmin ? t('danger.admin_only') : undefined
  const removeOff = own
    ? t('danger.remove_own')
    : !may('person.delete')
      ? t('off.remove')
      : person.admin && !iAmAdmin
        ? t('off.admins')
        : person.servers > 0 && t('danger.remove_owner_off', { n: person.servers })
  return (
    <Card>
      <CardHead title={t('danger.title')} />
      <Intervention title={t('danger.admin')} text={adminOff ?? t('danger.admin_note')}>
        <Switch
          label={t('danger.admin_label', { name })}
          checked={person.admin}
          disabled={adminOff !== undefined}
          onChange={() => setAsking('admin')}
        />
      </Intervention>
      <Intervention
        title={t('danger.reset_title')}
        text={own ? t('danger.reset_own') : t('danger.reset_note')}
      >
        <Button
          look="danger"
          off={own ? t('danger.reset_own_off') : off}
          onClick={() => setAsking('password')}
        >
          {t('danger.reset')}
        </Button>
      </Intervention>
      {person.second_factor && (
        <Intervention
          title={t('danger.factor_title')}
          text={own ? t('danger.factor_own') : t('danger.factor_note')}
        >
          <Button
            look="danger"
            off={own ? t('danger.factor_own_off') : off}
            onClick={() => setAsking('second-factor')}
          >
            {t('danger.turn_off')}
          </Button>
        </Intervention>
      )}
      <PersonSuspension person={person} />
      <Intervention
        title={t('danger.remove')}
        text={person.servers > 0 ? t('danger.remove_owner', { n: person.servers }) : t('danger.remove_note')}
      >
        <Button look="danger" off={removeOff} onClick={() => setAsking('remove')}>
          {t('danger.remove')}
        </Button>
      </Intervention>
      <Confirm
        open={asking === 'admin'}
        onClose={close}
        title={t(person.admin ? 'danger.admin_end' : 'danger.admin_make', { name })}
        verb={t(person.admin ? 'danger.admin_end_verb' : 'danger.admin_make_verb')}
        destroys={person.admin}
        onConfirm={() => setAdmin(!person.admin)}
      >
        {t(person.admin ? 'danger.admin_end_note' : 'danger.admin_make_text')}
      </Confirm>
      <Confirm
        open={asking === 'password'}
        onClose={close}
        title={t('danger.reset_ask', { name })}
        verb={t('danger.reset')}
        onConfirm={reset}
      >
        {t('danger.reset_warning')}
      </Confirm>
      <Dialog
        open={password !== undefined}
        onClose={() => setPassword(undefined)}
        title={t('danger.new_password', { name })}
        note={t('danger.once')}
      >
        {password !== undefined && (
          <FirstPassword username={name} password={password} onClose={() => setPassword(undefined)} />
        )}
      </Dialog>
      <Confirm
        open={asking === 'second-factor'}
        onClose={close}
        title={t('danger.factor_ask', { name })}
        verb={t('danger.turn_off')}
        onConfirm={endSecondFactor}
      >
        {t('danger.factor_warning')}
      </Confirm>
      <Confirm
        open={asking === 'remove'}
        onClose={close}
        title={t('danger.remove_ask', { name })}
        verb={t('danger.remove')}
        typed={name}
        onConfirm={remove}
      >
        {t('danger.remove_warning')}
      </Confirm>
    </Card>
  )
}
