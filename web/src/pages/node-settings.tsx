import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, isProblem, must } from '~/api/client'
import { nodeQuery } from '~/api/nodes'
import { locationsQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Node } from '~/api/types'
import { Page } from '~/components/page-head'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { useSeen } from '~/hooks/use-seen'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Facts } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CopyIcon } from '~/ui/copy'
import { Confirm } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'

import { portRange } from '~/util/ports'
import { takeBackOff } from '~/util/state'

const t = texts('node')
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
          <CardHead title={t('machine')} />
          <div className="px-4 py-2">
            <Facts
              rows={[
                [
                  t('machine.id'),
                  <span key="id" className="inline-flex max-w-full items-center">
                    <span className="mono truncate text-12 text-t2">{node.id}</span>
                    <CopyIcon text={node.id} label={common('copy.id')} />
                  </span>,
                ],
                [t('machine.host_name'), node.host.hostname],
                [t('machine.system'), node.host.os],
                [t('machine.kernel'), node.host.kernel],
                [t('machine.arch'), node.host.arch],
                [t('machine.agent'), node.host.agent_version],
                ['containerd', node.host.containerd_version],
                [
                  'cgroup',
                  node.host.cgroup_version > 0 ? `v${node.host.cgroup_version}` : t('machine.unknown'),
                ],
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
  const dirty = name.trim() !== node.name || range !== first || moved
  const seen = useSeen(node.id, node, dirty, () => queryClient.fetchQuery(nodeQuery(node.id)))
  const save = useMutation({
    mutationFn: () => {
      const wanted = portRange(range)
      return seen.send((header) =>
        must(
          api.PATCH('/nodes/{node}', {
            params: { path: { node: node.id }, header },
            body: {
              ...(name.trim() !== node.name ? { name: name.trim() } : {}),
              ...(wanted && range !== first ? { port_range: wanted } : {}),
              ...(moved ? { location } : {}),
            },
          }),
        ),
      )
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.node(node.id) })
      void queryClient.invalidateQueries({ queryKey: keys.nodes })
      if (moved) void queryClient.invalidateQueries({ queryKey: keys.locations })
      toast.done(t('saved'))
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const wrong = portRange(range) ? undefined : t('range.form')
  return (
    <Card>
      <CardHead title={t('page')} />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (!wrong && dirty) save.mutate()
        }}
      >
        <Field label={t('name')} error={problem?.fields.name}>
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
        <Field label={t('range')} help={t('range.help')} error={problem?.fields.port_range ?? wrong}>
          {(ids) => <Input {...ids} code value={range} onChange={(event) => setRange(event.target.value)} />}
        </Field>
        <Field
          label={t('location')}
          help={
            !may('node.update')
              ? t('location.no_right')
              : t(locations.data?.length === 0 ? 'location.none' : 'location.help')
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
              <option value="">{t('location.nowhere')}</option>
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
          <Button type="submit" look="primary" busy={save.isPending} off={dirty ? false : t('unchanged')}>
            {t('save')}
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
      toast.done(t('danger.revoke_done', { name: node.name }))
    } catch (error) {
      toast.error(t('danger.revoke_failed'), error)
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
      toast.done(t('danger.remove_done', { name: node.name }))
    } catch (error) {
      if (isProblem(error, 'node_has_servers') && !force) {
        setAsking('force')
        return
      }
      toast.error(t('danger.remove_failed'), error)
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
      <CardHead title={t('danger')} />
      {row(
        t('take_back'),
        t('danger.back_note'),
        <Button off={takeBackOff(node)} onClick={() => void navigate({ to: '.', search: { join: true } })}>
          {t('danger.back')}
        </Button>,
      )}
      {row(
        t('danger.revoke_row'),
        t('danger.revoke_note'),
        <Button
          look="danger"
          off={node.state === 'revoked' ? t('danger.is_revoked') : false}
          onClick={() => setAsking('revoke')}
        >
          {t('danger.revoke')}
        </Button>,
      )}
      {row(
        t('danger.remove_row'),
        node.servers.total > 0
          ? t('danger.remove_servers', { n: node.servers.total })
          : t('danger.remove_note'),
        <Button look="danger" onClick={() => setAsking('remove')}>
          {t('danger.remove')}
        </Button>,
      )}
      <Confirm
        open={asking === 'revoke'}
        onClose={() => setAsking(undefined)}
        title={t('danger.revoke_title', { name: node.name })}
        verb={t('danger.revoke')}
        typed={node.name}
        onConfirm={revoke}
      >
        {t('danger.revoke_why')}
      </Confirm>
      <Confirm
        open={asking === 'remove'}
        onClose={() => setAsking((now) => (now === 'remove' ? undefined : now))}
        title={t('danger.remove_title', { name: node.name })}
        verb={t('danger.remove')}
        typed={node.name}
        onConfirm={() => remove(false)}
      >
        {t('danger.remove_why')}
      </Confirm>
      <Confirm
        open={asking === 'force'}
        onClose={() => setAsking(undefined)}
        title={t('danger.force_title', { name: node.name, n: node.servers.total })}
        verb={t('danger.force')}
        typed={node.name}
        onConfirm={() => remove(true)}
      >
        {t('danger.force_why')}
      </Confirm>
    </Card>
  )
}
