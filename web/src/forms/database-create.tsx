import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { serverDatabaseHostsQuery } from '~/api/databases'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { DatabaseHostChoice, Server } from '~/api/types'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { SkeletonRows } from '~/ui/wait'
import { visible } from '~/util/visible'

const t = texts('databases')

/** Asks for what a database is to be; all of it may be left out. */
export function DatabaseDialog({
  server,
  open,
  onClose,
}: {
  server: Server
  open: boolean
  onClose: () => void
}) {
  return (
    <Dialog open={open} onClose={onClose} title={t('new')} note={t('create.note')}>
      {open && <Hosts server={server} onClose={onClose} />}
    </Dialog>
  )
}

function Hosts({ server, onClose }: { server: Server; onClose: () => void }) {
  const hosts = useQuery(serverDatabaseHostsQuery(server.id))
  if (hosts.isError) return <ProblemView error={hosts.error} onRetry={() => void hosts.refetch()} />
  if (hosts.isPending) return <SkeletonRows rows={3} />
  if (hosts.data.length === 0) return <p className="text-t2">{t('create.no_host')}</p>
  return <DatabaseForm server={server} hosts={hosts.data} onClose={onClose} />
}

const FIELDS = ['name', 'host', 'connections_from', 'most_connections']
const number = (text: string) => (text.trim() === '' ? null : Number(text))

function DatabaseForm({
  server,
  hosts,
  onClose,
}: {
  server: Server
  hosts: DatabaseHostChoice[]
  onClose: () => void
}) {
  const [name, setName] = useState('')
  const [host, setHost] = useState(hosts.length === 1 ? (hosts[0]?.id ?? '') : '')
  const [from, setFrom] = useState('')
  const [connections, setConnections] = useState('')
  const chosen = hosts.find(({ id }) => id === host)
  // Who may come from where is the host's own business with PostgreSQL.
  const byAddress = chosen ? chosen.engine !== 'postgresql' : hosts.every((h) => h.engine !== 'postgresql')
  const make = useMutation({
    mutationFn: () =>
      must(
        api.POST('/servers/{server}/databases', {
          params: { path: { server: server.id } },
          body: {
            name: name.trim() || null,
            host: host || null,
            connections_from: (byAddress && from.trim()) || null,
            most_connections: number(connections),
          },
        }),
      ),
    onSuccess: (made) => {
      void queryClient.invalidateQueries({ queryKey: keys.databases(server.id) })
      const ready = made.state === 'ready'
      toast.done(t(ready ? 'create.done' : 'create.under_way', { name: made.name }))
      onClose()
    },
  })
  const problem = make.error ? asProblem(make.error) : undefined
  const errors = { ...problem?.fields }
  const wrong = name !== '' && !/^[a-z0-9_]{1,32}$/.test(name.trim()) ? t('create.name_wrong') : undefined
  const most = chosen?.most_connections
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!wrong && !make.isPending) make.mutate()
      }}
    >
      <Field
        label={t('create.name')}
        note={t('create.optional')}
        help={t('create.name_help')}
        error={wrong ?? errors.name}
      >
        {(ids) => (
          <Input
            {...ids}
            code
            autoFocus
            autoCapitalize="none"
            autoComplete="off"
            spellCheck={false}
            maxLength={32}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label={t('create.host')} error={errors.host}>
        {(ids) => (
          <Select {...ids} value={host} onChange={(event) => setHost(event.target.value)}>
            {hosts.length > 1 && <option value="">{t('create.host_any')}</option>}
            {hosts.map((each) => (
              <option key={each.id} value={each.id} disabled={each.full}>
                {t(each.full ? 'create.host_full' : 'create.host_one', {
                  name: visible(each.name),
                  engine: t(`engine.${each.engine}`),
                })}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {byAddress && (
        <Field
          label={t('field.from')}
          note={t('create.optional')}
          help={t('create.from_help')}
          error={errors.connections_from}
        >
          {(ids) => (
            <Input
              {...ids}
              code
              autoCapitalize="none"
              autoComplete="off"
              spellCheck={false}
              maxLength={60}
              placeholder="%"
              value={from}
              onChange={(event) => setFrom(event.target.value)}
            />
          )}
        </Field>
      )}
      <Field
        label={t('create.connections')}
        note={t('create.optional')}
        help={
          typeof most === 'number' ? t('create.connections_most', { n: most }) : t('create.connections_help')
        }
        error={errors.most_connections}
      >
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={1}
            inputMode="numeric"
            value={connections}
            onChange={(event) => setConnections(event.target.value)}
          />
        )}
      </Field>
      {problem && !FIELDS.some((field) => errors[field]) && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={make.isPending} off={wrong ?? false}>
          {t('new')}
        </Button>
      </DialogFoot>
    </form>
  )
}
