import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, isProblem, must } from '~/api/client'
import { locationsQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, nodeQuery, queryClient } from '~/api/queries'
import type { Node } from '~/api/types'
import { Page } from '~/components/page-head'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Facts } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CopyIcon } from '~/ui/copy'
import { Confirm } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { plural } from '~/util/format'
import { portRange } from '~/util/ports'
import { takeBackOff } from '~/util/state'

const common = texts('common')

export function NodeSettingsPage() {
  const { node: id } = useParams({ from: '/app/nodes/$node/settings' })
  const { data: node } = useQuery(nodeQuery(id))
  if (!node) return null
  return (
    <Page>
      <div className="grid grid-cols-[minmax(0,1fr)_356px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex flex-col gap-4">
          <Basics node={node} />
          <Danger node={node} />
        </div>
        <Card>
          <CardHead title="Machine" />
          <div className="px-4 py-2">
            <Facts
              rows={[
                [
                  'Id',
                  <span key="id" className="inline-flex max-w-full items-center">
                    <span className="mono truncate text-12 text-t2">{node.id}</span>
                    <CopyIcon text={node.id} label={common('copy.id')} />
                  </span>,
                ],
                ['Host name', node.host.hostname],
                ['System', node.host.os],
                ['Kernel', node.host.kernel],
                ['Architecture', node.host.arch],
                ['Agent', node.host.agent_version],
                ['containerd', node.host.containerd_version],
                ['cgroup', node.host.cgroup_version > 0 ? `v${node.host.cgroup_version}` : 'not known yet'],
              ]}
            />
          </div>
        </Card>
      </div>
    </Page>
  )
}

function Basics({ node }: { node: Node }) {
  const first = `${node.port_range.first}-${node.port_range.last}`
  const [name, setName] = useState(node.name)
  const [range, setRange] = useState(first)
  const [location, setLocation] = useState(node.location ?? '')
  const { may } = useMay()
  const locations = useQuery({ ...locationsQuery, enabled: may('node.read') })
  const moved = location !== (node.location ?? '')
  const save = useMutation({
    mutationFn: () => {
      const wanted = portRange(range)
      return must(
        api.PATCH('/nodes/{node}', {
          params: { path: { node: node.id } },
          body: {
            ...(name.trim() !== node.name ? { name: name.trim() } : {}),
            ...(wanted && range !== first ? { port_range: wanted } : {}),
            ...(moved ? { location } : {}),
          },
        }),
      )
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.node(node.id) })
      void queryClient.invalidateQueries({ queryKey: keys.nodes })
      if (moved) void queryClient.invalidateQueries({ queryKey: keys.locations })
      toast.done('Node saved')
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const wrong = portRange(range) ? undefined : 'As first-last'
  const dirty = name.trim() !== node.name || range !== first || moved
  return (
    <Card>
      <CardHead title="Node" />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (!wrong && dirty) save.mutate()
        }}
      >
        <Field label="Name" error={problem?.fields.name}>
          {(ids) => (
            <Input
              {...ids}
              required
              maxLength={64}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Port range"
          help="New servers take their ports from it; those in use stay"
          error={problem?.fields.port_range ?? wrong}
        >
          {(ids) => <Input {...ids} code value={range} onChange={(event) => setRange(event.target.value)} />}
        </Field>
        <Field
          label="Location"
          help={
            !may('node.update')
              ? 'It decides who may do what here: only those who may change all nodes move one.'
              : locations.data?.length === 0
                ? 'There is none yet; they are made below the list of nodes.'
                : 'Whoever has a role over the location has it on this node and its servers.'
          }
          error={problem?.fields.location}
        >
          {(ids) => (
            <Select
              {...ids}
              value={location}
              disabled={!may('node.update')}
              onChange={(event) => setLocation(event.target.value)}
            >
              <option value="">Nowhere</option>
              {locations.data?.map(({ id, name: place }) => (
                <option key={id} value={id}>
                  {place}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {problem && Object.keys(problem.fields).length === 0 && <FormProblem error={problem} />}
        <div className="flex justify-end">
          <Button
            type="submit"
            look="primary"
            busy={save.isPending}
            off={dirty ? false : 'Nothing has changed'}
          >
            Save
          </Button>
        </div>
      </form>
    </Card>
  )
}

function Danger({ node }: { node: Node }) {
  const navigate = useNavigate()
  const [asking, setAsking] = useState<'revoke' | 'remove' | 'force'>()
  async function revoke() {
    try {
      await must(api.POST('/nodes/{node}/revoke', { params: { path: { node: node.id } } }))
      await queryClient.invalidateQueries({ queryKey: keys.node(node.id) })
      toast.done(`${node.name} is revoked`)
    } catch (error) {
      toast.error('Not revoked', error)
      throw error
    }
  }
  async function remove(force: boolean) {
    try {
      await must(
        api.DELETE('/nodes/{node}', {
          params: { path: { node: node.id }, ...(force ? { query: { force: true } } : {}) },
        }),
      )
      void queryClient.invalidateQueries({ queryKey: keys.nodes })
      void queryClient.invalidateQueries({ queryKey: keys.servers })
      await navigate({ to: '/nodes' })
      toast.done(`${node.name} is removed`)
    } catch (error) {
      if (isProblem(error, 'node_has_servers') && !force) {
        setAsking('force')
        return
      }
      toast.error('Not removed', error)
      throw error
    }
  }
  const row = (title: string, text: string, action: React.ReactNode) => (
    <div className="flex flex-wrap items-center gap-3 border-t border-line px-4 py-3 first:border-0">
      <div className="min-w-0 flex-1 basis-64">
        <div className="font-medium">{title}</div>
        <div className="text-12 text-t3">{text}</div>
      </div>
      {action}
    </div>
  )
  return (
    <Card>
      <CardHead title="Interventions" />
      {row(
        'Take this machine back',
        'For one that was revoked, was set up anew or lost its key: a command with which it is this node again, with its servers and ports.',
        <Button off={takeBackOff(node)} onClick={() => void navigate({ to: '.', search: { join: true } })}>
          Take back
        </Button>,
      )}
      {row(
        'Revoke the key',
        'Its connection ends within a second and its key is refused from then on. Games on it run on.',
        <Button
          look="danger"
          off={node.state === 'revoked' ? 'It is revoked' : false}
          onClick={() => setAsking('revoke')}
        >
          Revoke
        </Button>,
      )}
      {row(
        'Remove the node',
        node.servers.total > 0
          ? `It still has ${plural(node.servers.total, 'server')}; they would be forgotten.`
          : 'Takes it out of the panel. Run warren-agent leave on the machine afterwards.',
        <Button look="danger" onClick={() => setAsking('remove')}>
          Remove
        </Button>,
      )}
      <Confirm
        open={asking === 'revoke'}
        onClose={() => setAsking(undefined)}
        title={`Revoke ${node.name}?`}
        verb="Revoke"
        typed={node.name}
        onConfirm={revoke}
      >
        Only a command made for this node brings it back.
      </Confirm>
      <Confirm
        open={asking === 'remove'}
        onClose={() => setAsking((now) => (now === 'remove' ? undefined : now))}
        title={`Remove ${node.name}?`}
        verb="Remove"
        typed={node.name}
        onConfirm={() => remove(false)}
      >
        The node leaves the list and its key is refused.
      </Confirm>
      <Confirm
        open={asking === 'force'}
        onClose={() => setAsking(undefined)}
        title={`${node.name} still has ${plural(node.servers.total, 'server')}`}
        verb="Remove with its servers"
        typed={node.name}
        onConfirm={() => remove(true)}
      >
        Their files stay on the machine for 7 days, but the panel forgets them. This can't be undone.
      </Confirm>
    </Card>
  )
}
