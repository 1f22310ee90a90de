import { useMutation, useQuery } from '@tanstack/react-query'
import { Plus, Radio } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { consumersQuery, keys, queryClient, serversQuery } from '~/api/queries'
import type { EventConsumer, NewEventConsumer } from '~/api/types'
import { Page, PageHead } from '~/components/page-head'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { usePage } from '~/stores/page'
import { toast } from '~/stores/toasts'
import { Card, Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CommandBox, CopyButton } from '~/ui/copy'
import { Confirm, Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { plural } from '~/util/format'

export function ConsumersPage() {
  const consumers = useQuery(consumersQuery)
  const servers = useQuery(serversQuery)
  const names = new Map(servers.data?.map((s) => [s.id, s.name]))
  const [making, setMaking] = useState(false)
  const [removing, setRemoving] = useState<EventConsumer>()
  usePage('Event consumers')
  const scope = (consumer: EventConsumer) =>
    consumer.servers === null || consumer.servers === undefined
      ? 'every server'
      : consumer.servers.length <= 2
        ? consumer.servers.map((id) => names.get(id) ?? id).join(', ')
        : plural(consumer.servers.length, 'server')
  return (
    <Page>
      <PageHead title="Event consumers" note={consumers.data?.length}>
        <Button look="primary" icon={Plus} onClick={() => setMaking(true)}>
          New consumer
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">
        A READ credential with which any NATS client receives what happens here, as CloudEvents, live and by
        replay. It can read events and nothing else.
      </p>
      {consumers.isError && <ProblemView error={consumers.error} onRetry={() => void consumers.refetch()} />}
      {consumers.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {consumers.data && (
        <Card className="overflow-x-auto">
          {consumers.data.length === 0 ? (
            <Empty
              title="Nobody listens yet"
              action={
                <Button icon={Plus} onClick={() => setMaking(true)}>
                  New consumer
                </Button>
              }
            >
              A bot, a status page, your own panel: one credential each, so that one can be taken back alone.
            </Empty>
          ) : (
            <table className="tbl one">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Reads</th>
                  <th className="max-sm:hidden">Made</th>
                  <th className="max-sm:hidden">Ends</th>
                  <th>
                    <span className="sr-only">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {consumers.data.map((consumer) => (
                  <tr key={consumer.id}>
                    <td>
                      <span className="flex items-center gap-2 font-medium">
                        <Radio aria-hidden="true" size={14} strokeWidth={1.75} className="text-t3" />
                        {consumer.name}
                      </span>
                    </td>
                    <td className="text-t2">{scope(consumer)}</td>
                    <td className="text-t2 max-sm:hidden">
                      <Ago at={consumer.created_at} />
                    </td>
                    <td className="text-t2 max-sm:hidden">
                      {consumer.expires_at ? <Ago at={consumer.expires_at} /> : 'never'}
                    </td>
                    <td className="r">
                      <Button size="sm" look="danger" onClick={() => setRemoving(consumer)}>
                        Revoke
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Card>
      )}
      <NewConsumerDialog open={making} onClose={() => setMaking(false)} />
      <Confirm
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Revoke ${removing?.name}?`}
        verb="Revoke"
        onConfirm={async () => {
          try {
            await must(api.DELETE('/event-consumers/{id}', { params: { path: { id: removing?.id ?? '' } } }))
            await queryClient.invalidateQueries({ queryKey: keys.consumers })
          } catch (error) {
            toast.error('Not revoked', error)
            throw error
          }
        }}
      >
        Its connection ends within a second.
      </Confirm>
    </Page>
  )
}

const LIVES: Array<[seconds: number, word: string]> = [
  [0, 'as long as allowed'],
  [86_400, '1 day'],
  [2_592_000, '30 days'],
  [7_776_000, '90 days'],
]

function NewConsumerDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [made, setMade] = useState<NewEventConsumer>()
  const close = () => {
    setMade(undefined)
    onClose()
  }
  return (
    <Dialog
      open={open}
      onClose={close}
      width="md"
      title={made ? `${made.consumer.name} can read` : 'New event consumer'}
      note={
        made ? 'The credential is shown once. Copy it now; a lost one is revoked and made anew.' : undefined
      }
    >
      {open && (made ? <Made made={made} onClose={close} /> : <MakeForm onMade={setMade} onClose={close} />)}
    </Dialog>
  )
}

function MakeForm({ onMade, onClose }: { onMade: (made: NewEventConsumer) => void; onClose: () => void }) {
  const servers = useQuery(serversQuery)
  const [name, setName] = useState('')
  const [scope, setScope] = useState<'all' | 'some'>('all')
  const [chosen, setChosen] = useState<string[]>([])
  const [life, setLife] = useState(0)
  const make = useMutation({
    mutationFn: () =>
      must(
        api.POST('/event-consumers', {
          body: {
            name: name.trim(),
            servers: scope === 'all' ? null : chosen,
            ...(life > 0 ? { expires_in_s: life } : {}),
          },
        }),
      ),
    onSuccess: (made) => {
      void queryClient.invalidateQueries({ queryKey: keys.consumers })
      onMade(made)
    },
  })
  const problem = make.error ? asProblem(make.error) : undefined
  const off =
    name.trim() === ''
      ? 'A name is needed'
      : scope === 'some' && chosen.length === 0
        ? 'Choose at least one server'
        : false
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (off === false) make.mutate()
      }}
    >
      <Field label="Name" help="What it is for, such as status page" error={problem?.fields.name}>
        {(ids) => (
          <Input
            {...ids}
            autoFocus
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <div>
        <div className="mb-1.5 font-medium">Reads</div>
        <Segmented
          label="Reads"
          value={scope}
          choices={[
            { value: 'all', label: 'Every server' },
            { value: 'some', label: 'Chosen ones' },
          ]}
          onChange={setScope}
        />
        {scope === 'some' && (
          <ul className="mt-2 max-h-48 overflow-y-auto rounded-box border border-line-2 py-1">
            {(servers.data ?? []).map((server) => (
              <li key={server.id}>
                {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
                <label className="flex min-h-8 items-center gap-2 px-3 hover:bg-surface-2 max-sm:min-h-11">
                  <Checkbox
                    checked={chosen.includes(server.id)}
                    onChange={(event) =>
                      setChosen((all) =>
                        event.target.checked ? [...all, server.id] : all.filter((id) => id !== server.id),
                      )
                    }
                  />
                  {server.name}
                </label>
              </li>
            ))}
          </ul>
        )}
      </div>
      <Field label="Works for">
        {(ids) => (
          <Select {...ids} value={life} onChange={(event) => setLife(Number(event.target.value))}>
            {LIVES.map(([seconds, word]) => (
              <option key={seconds} value={seconds}>
                {word}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {problem && !problem.fields.name && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={make.isPending} off={off}>
          Make the credential
        </Button>
      </DialogFoot>
    </form>
  )
}

function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

function Made({ made, onClose }: { made: NewEventConsumer; onClose: () => void }) {
  const file = `${made.consumer.name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.creds`
  return (
    <div className="flex flex-col gap-4">
      <div className="overflow-hidden rounded-box border border-line-2">
        <div className="flex items-center gap-2 border-b border-line py-1.5 pr-1.5 pl-3.5">
          <span className="mono text-12 text-t2">{file}</span>
          <span className="flex-1" />
          <Button size="sm" onClick={() => saveFile(file, made.creds)}>
            Save as a file
          </Button>
          <CopyButton text={made.creds} primary />
        </div>
        <pre
          tabIndex={0}
          role="group"
          aria-label="Credential"
          className="mono max-h-40 overflow-auto bg-term-bg px-3.5 py-2.5 text-12 leading-5 text-term-fg"
        >
          {made.creds}
        </pre>
      </div>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1">
        <dt className="text-t3">Servers</dt>
        <dd className="mono text-12 leading-5 [overflow-wrap:anywhere]">
          {Array.isArray(made.nats_urls) ? made.nats_urls.join(', ') : String(made.nats_urls)}
        </dd>
        <dt className="text-t3">Subjects</dt>
        <dd className="mono text-12 leading-5 [overflow-wrap:anywhere]">{made.subjects.join(', ')}</dd>
        <dt className="text-t3">Stream</dt>
        <dd className="mono text-12 leading-5">
          {made.stream}
          {made.durables.length > 0 ? `, durable ${made.durables.join(', ')}` : ''}
        </dd>
      </dl>
      {made.ca_pem && (
        <div className="flex items-center gap-2">
          <span className="text-t2">The bus has its own CA; the client needs its certificate.</span>
          <span className="flex-1" />
          <Button size="sm" onClick={() => saveFile('warren-ca.pem', made.ca_pem ?? '')}>
            Save ca.pem
          </Button>
        </div>
      )}
      {made.example && (
        <div>
          <div className="mb-1.5 font-medium">Try it</div>
          <CommandBox text={made.example} />
        </div>
      )}
      <DialogFoot>
        <Button look="primary" onClick={onClose}>
          I have it
        </Button>
      </DialogFoot>
    </div>
  )
}
