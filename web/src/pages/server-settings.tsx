import { useQuery } from '@tanstack/react-query'
import { useLocation, useNavigate, useParams } from '@tanstack/react-router'
import { type FormEvent, type ReactNode, useEffect, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient, serverQuery, sessionQuery } from '~/api/queries'
import { limitsOf, type Server, type UpdateServer } from '~/api/types'
import { Page } from '~/components/page-head'
import { FormProblem } from '~/components/problem-view'
import { LimitFields } from '~/forms/limits'
import { VariableFields } from '~/forms/variables'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Checkbox, Facts, Switch } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Address, CopyIcon } from '~/ui/copy'
import { Confirm } from '~/ui/dialog'
import { Field, Input, Select, Textarea } from '~/ui/field'
import { Ago } from '~/ui/time'
import { playerAddress } from '~/util/ports'
import { startupPreview, wrongValue } from '~/util/rules'

export function ServerSettingsPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/settings' })
  const { data: server } = useQuery(serverQuery(id))
  const { hash } = useLocation()
  useEffect(() => {
    if (hash) document.getElementById(hash)?.scrollIntoView({ block: 'center' })
  }, [hash])
  if (!server) return null
  return (
    <Page>
      <div className="grid grid-cols-[minmax(0,1fr)_328px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          <NameForm server={server} />
          <StartupForm server={server} />
          <LimitsForm server={server} />
          <Danger server={server} />
        </div>
        <Side server={server} />
      </div>
    </Page>
  )
}

/** One card, one PATCH: what fails stays in its own form, and saying so too. */
function SaveCard({
  title,
  note,
  server,
  change,
  dirty,
  check,
  off = false,
  onErrors,
  children,
}: {
  title: string
  note?: string
  server: Server
  change: UpdateServer
  dirty: boolean
  check?: () => boolean
  off?: string | false
  onErrors?: (errors: Record<string, string>) => void
  children: ReactNode
}) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy || off !== false || !dirty || (check && !check())) return
    setBusy(true)
    setError(undefined)
    try {
      const fresh = await must(
        api.PATCH('/servers/{server}', { params: { path: { server: server.id } }, body: change }),
      )
      queryClient.setQueryData<Server>(keys.server(server.id), (old) => ({ ...(old ?? fresh), ...fresh }))
      void queryClient.invalidateQueries({ queryKey: keys.servers })
      onErrors?.({})
      toast.done(`${title} saved`)
    } catch (thrown) {
      const problem = asProblem(thrown)
      onErrors?.(problem.fields)
      setError(thrown)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Card>
      <form onSubmit={submit}>
        <CardHead title={title} note={note} />
        <div className="flex flex-col gap-4 p-4">
          {children}
          <FormProblem error={error} />
          <div className="flex justify-end">
            <Button
              type="submit"
              look="primary"
              busy={busy}
              off={off !== false ? off : dirty ? false : 'Nothing has changed'}
            >
              Save
            </Button>
          </div>
        </div>
      </form>
    </Card>
  )
}

function NameForm({ server }: { server: Server }) {
  const [name, setName] = useState(server.name)
  const [description, setDescription] = useState(server.description)
  const [errors, setErrors] = useState<Record<string, string>>({})
  const off = server.permissions.includes('settings.rename') ? false : 'You may not rename this server'
  return (
    <SaveCard
      title="Name"
      server={server}
      change={{ name: name.trim(), description }}
      dirty={name.trim() !== server.name || description !== server.description}
      off={off}
      onErrors={setErrors}
    >
      <Field label="Name" error={errors.name}>
        {(ids) => (
          <Input
            {...ids}
            required
            maxLength={100}
            value={name}
            disabled={off !== false}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="Description" note="optional" error={errors.description}>
        {(ids) => (
          <Textarea
            {...ids}
            rows={2}
            value={description}
            disabled={off !== false}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
      </Field>
    </SaveCard>
  )
}

function StartupForm({ server }: { server: Server }) {
  const session = useQuery(sessionQuery)
  const admin = session.data?.user.admin ?? false
  const before = Object.fromEntries(server.variables.map((v) => [v.env, v.value]))
  const [values, setValues] = useState<Record<string, string>>(before)
  const [image, setImage] = useState(server.image)
  const [startup, setStartup] = useState(server.startup ?? '')
  const [errors, setErrors] = useState<Record<string, string>>({})
  const [tried, setTried] = useState(false)
  const changed = Object.fromEntries(Object.entries(values).filter(([env, value]) => value !== before[env]))
  const dirty =
    Object.keys(changed).length > 0 || image !== server.image || startup !== (server.startup ?? '')
  const off = server.permissions.includes('startup.update') ? false : 'You may not change the startup'
  const defaults = Object.fromEntries(server.variables.map((v) => [v.env, v.default]))
  const filled = Object.fromEntries(
    Object.entries({ ...defaults, ...values }).map(([env, value]) => [env, value || defaults[env] || '']),
  )
  const known = server.images.some((i) => i.image === image)
  return (
    <SaveCard
      title="Startup"
      note="takes effect with the next start"
      server={server}
      change={{
        ...(Object.keys(changed).length > 0 ? { variables: changed } : {}),
        ...(image !== server.image ? { image } : {}),
        ...(startup !== (server.startup ?? '') ? { startup } : {}),
      }}
      dirty={dirty}
      off={off}
      check={() => {
        setTried(true)
        return server.variables.every((v) => !wrongValue(v, values[v.env] ?? ''))
      }}
      onErrors={setErrors}
    >
      <Field label="Image" error={errors.image} help={<span className="mono">{image}</span>}>
        {(ids) => (
          <Select
            {...ids}
            value={image}
            disabled={off !== false}
            onChange={(event) => setImage(event.target.value)}
          >
            {!known && <option value={image}>{image}</option>}
            {server.images.map((i) => (
              <option key={i.image} value={i.image}>
                {i.label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <VariableFields
        variables={server.variables}
        values={values}
        errors={errors}
        admin={admin}
        tried={tried}
        onChange={(env, value) => setValues((all) => ({ ...all, [env]: value }))}
      />
      {admin && (
        <Field label="Startup command" error={errors.startup}>
          {(ids) => (
            <Textarea
              {...ids}
              rows={2}
              spellCheck={false}
              value={startup}
              onChange={(event) => setStartup(event.target.value)}
              className="mono text-12!"
            />
          )}
        </Field>
      )}
      {startup && (
        <div className="overflow-hidden rounded-box border border-line">
          <div className="flex h-9 items-center gap-2 border-b border-line pr-2 pl-3.5 text-12">
            <span className="font-medium text-t2">Startup command</span>
            <span className="text-t3">as it will run</span>
            <span className="flex-1" />
            <CopyIcon text={startupPreview(startup, filled)} what="command" />
          </div>
          <div className="mono bg-term-bg px-3.5 py-2.5 text-12 leading-5 text-term-fg [overflow-wrap:anywhere]">
            {startupPreview(startup, filled)}
          </div>
        </div>
      )}
    </SaveCard>
  )
}

function LimitsForm({ server }: { server: Server }) {
  const session = useQuery(sessionQuery)
  const admin = session.data?.user.admin ?? false
  const [limits, setLimits] = useState(limitsOf(server.limits))
  const [policy, setPolicy] = useState(server.crash_policy)
  const [errors, setErrors] = useState<Record<string, string>>({})
  const changedLimits = JSON.stringify(limits) !== JSON.stringify(limitsOf(server.limits))
  const changedPolicy = JSON.stringify(policy) !== JSON.stringify(server.crash_policy)
  return (
    <SaveCard
      title="Limits"
      server={server}
      change={{ ...(changedLimits ? { limits } : {}), ...(changedPolicy ? { crash_policy: policy } : {}) }}
      dirty={changedLimits || changedPolicy}
      off={admin ? false : 'Only administrators may change this'}
      onErrors={setErrors}
    >
      <LimitFields limits={limits} errors={errors} disabled={!admin} onChange={setLimits} />
      <div className="border-t border-line pt-4">
        <div className="flex min-h-8 items-center justify-between gap-3 max-sm:min-h-11">
          <span className="font-medium">Start again after a crash</span>
          <Switch
            label="Start again after a crash"
            disabled={!admin}
            checked={policy.restart}
            onChange={(event) => setPolicy({ ...policy, restart: event.target.checked })}
          />
        </div>
        {policy.restart && (
          <div className="mt-3 grid grid-cols-2 gap-4 max-md:grid-cols-1">
            <Field label="At most" note="times in the span">
              {(ids) => (
                <Input
                  {...ids}
                  type="number"
                  min={1}
                  disabled={!admin}
                  value={policy.max_restarts}
                  onChange={(event) =>
                    setPolicy({ ...policy, max_restarts: Number(event.target.value) || 1 })
                  }
                />
              )}
            </Field>
            <Field label="Span" note="seconds">
              {(ids) => (
                <Input
                  {...ids}
                  type="number"
                  min={10}
                  disabled={!admin}
                  value={policy.window_s}
                  onChange={(event) => setPolicy({ ...policy, window_s: Number(event.target.value) || 10 })}
                />
              )}
            </Field>
          </div>
        )}
      </div>
    </SaveCard>
  )
}

function Danger({ server }: { server: Server }) {
  const navigate = useNavigate()
  const session = useQuery(sessionQuery)
  const admin = session.data?.user.admin ?? false
  const [asking, setAsking] = useState<'reinstall' | 'delete'>()
  const [wipe, setWipe] = useState(false)
  const may = server.permissions.includes('settings.reinstall')
  const row = (title: string, text: string, action: ReactNode, id?: string) => (
    <div id={id} className="flex flex-wrap items-center gap-3 border-t border-line px-4 py-3 first:border-0">
      <div className="min-w-0 flex-1 basis-64">
        <div className="font-medium">{title}</div>
        <div className="text-12 text-t3">{text}</div>
      </div>
      {action}
    </div>
  )
  async function suspend() {
    try {
      const fresh = await must(
        api.PATCH('/servers/{server}', {
          params: { path: { server: server.id } },
          body: { suspended: !server.suspended },
        }),
      )
      queryClient.setQueryData<Server>(keys.server(server.id), (old) => ({ ...(old ?? fresh), ...fresh }))
    } catch (error) {
      toast.error(server.suspended ? 'Not released' : 'Not suspended', error)
    }
  }
  return (
    <Card>
      <CardHead title="Interventions" />
      {row(
        'Reinstall',
        'Runs the egg’s install script again. The server is stopped meanwhile; files that the script does not touch stay.',
        <Button
          look="danger"
          off={
            may
              ? server.state === 'installing'
                ? 'An install is running'
                : false
              : 'You may not reinstall this server'
          }
          onClick={() => setAsking('reinstall')}
        >
          Reinstall
        </Button>,
        'reinstall',
      )}
      {admin &&
        row(
          server.suspended ? 'Suspended' : 'Suspend',
          server.suspended
            ? 'The server can’t be started until it is released.'
            : 'Stops the server and keeps it from being started. Files stay.',
          <Button look={server.suspended ? 'secondary' : 'danger'} onClick={() => void suspend()}>
            {server.suspended ? 'Release' : 'Suspend'}
          </Button>,
        )}
      {admin &&
        row(
          'Delete',
          'Ends the game, removes its container and all of its files from the node.',
          <Button look="danger" onClick={() => setAsking('delete')}>
            Delete
          </Button>,
        )}
      <Confirm
        open={asking === 'reinstall'}
        onClose={() => setAsking(undefined)}
        title={`Reinstall ${server.name}?`}
        verb="Reinstall"
        typed={server.name}
        onConfirm={async () => {
          try {
            await must(
              api.POST('/servers/{server}/reinstall', {
                params: { path: { server: server.id } },
                body: { wipe },
              }),
            )
            await queryClient.invalidateQueries({ queryKey: keys.operations })
            await navigate({ to: '/servers/$server/install', params: { server: server.id }, search: {} })
          } catch (error) {
            toast.error('Not reinstalled', error)
            throw error
          }
        }}
      >
        The game stops, and the install script may replace its files.
        {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
        <label className="mt-3 flex items-center gap-2 text-t1">
          <Checkbox checked={wipe} onChange={(event) => setWipe(event.target.checked)} />
          Empty the folder first
        </label>
      </Confirm>
      <Confirm
        open={asking === 'delete'}
        onClose={() => setAsking(undefined)}
        title={`Delete ${server.name}?`}
        verb="Delete"
        typed={server.name}
        onConfirm={async () => {
          try {
            await must(
              api.DELETE('/servers/{server}', {
                params: { path: { server: server.id }, query: { name: server.name } },
              }),
            )
            void queryClient.invalidateQueries({ queryKey: keys.operations })
            void queryClient.invalidateQueries({ queryKey: keys.servers })
            await navigate({ to: '/servers' })
            toast.done(`${server.name} is being deleted`)
          } catch (error) {
            toast.error('Not deleted', error)
            throw error
          }
        }}
      >
        All of its files go from {server.node.name}. This can't be undone.
      </Confirm>
    </Card>
  )
}

function Side({ server }: { server: Server }) {
  return (
    <Card>
      <CardHead title="Facts" />
      <div className="px-4 py-2">
        <Facts
          rows={[
            [
              'Id',
              <span key="id" className="inline-flex max-w-full items-center">
                <span className="mono truncate text-12 text-t2">{server.id}</span>
                <CopyIcon text={server.id} what="id" />
              </span>,
            ],
            ['Egg', server.egg.name],
            ['Node', server.node.name],
            ['Generation', String(server.generation)],
            ['Applied', server.applied ? 'yes' : 'not yet'],
            ['Created', <Ago key="created" at={server.created_at} />],
          ]}
        />
      </div>
      <CardHead title="Addresses" note={server.allocations.length} />
      <ul className="px-4 py-2">
        {server.allocations.map((allocation) => (
          <li key={allocation.id} className="flex min-h-7 items-center justify-between gap-2">
            <Address text={playerAddress(allocation, server.address?.host)} />
            {allocation.primary && <span className="text-12 text-t3">primary</span>}
          </li>
        ))}
        {server.allocations.length === 0 && <li className="text-t3">none</li>}
      </ul>
    </Card>
  )
}
