import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Check, CircleAlert, Minus, X } from 'lucide-react'
import { type FormEvent, useEffect, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { eggQuery, eggsQuery, keys, nodesQuery, queryClient, sessionQuery } from '~/api/queries'
import type { CreateServer, Egg, Limits, Node } from '~/api/types'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { StarterTiles } from '~/components/starters'
import { LimitFields } from '~/forms/limits'
import { VariableFields } from '~/forms/variables'
import { usePage } from '~/stores/page'
import { Card, CardHead, GameTile, Switch, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CopyIcon } from '~/ui/copy'
import { Field, Input, SearchInput, Select } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { Bar } from '~/ui/spark'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { bytesText, fromMib, plural, trimmed } from '~/util/format'
import { gameIcon } from '~/util/game-icon'
import { type Ranked, rankNodes } from '~/util/placement'
import { startupPreview, wrongValue } from '~/util/rules'

const FIRST_LIMITS: Limits = {
  memory_bytes: fromMib(2048),
  swap_bytes: 0,
  disk_bytes: fromMib(10_240),
  cpu_percent: 200,
}

export function NewServerPage() {
  const { egg: eggId } = useSearch({ from: '/app/servers/new' })
  usePage('New server', [{ label: 'Servers', to: '/servers' }, { label: 'New server' }])
  return eggId ? <Filled key={eggId} eggId={eggId} /> : <PickEgg />
}

function PickEgg() {
  const eggs = useQuery(eggsQuery)
  const [needle, setNeedle] = useState('')
  const shown = (eggs.data ?? []).filter((egg) =>
    `${egg.name} ${egg.tags.join(' ')} ${egg.description}`.toLowerCase().includes(needle.toLowerCase()),
  )
  return (
    <div className="mx-auto w-full max-w-[920px] px-6 pt-5 pb-8 max-sm:px-3">
      <h1 className="title text-20">Which game?</h1>
      <p className="mt-0.5 mb-4 text-t2">An egg says how a game is installed, started and stopped.</p>
      {eggs.isError && <ProblemView error={eggs.error} onRetry={() => void eggs.refetch()} />}
      {eggs.isPending && (
        <Card>
          <SkeletonRows />
        </Card>
      )}
      {eggs.data && eggs.data.length > 0 && (
        <>
          <SearchInput
            label="Filter eggs"
            className="mb-3 w-72 max-sm:w-full"
            value={needle}
            onChange={(event) => setNeedle(event.target.value)}
          />
          <ul className="grid grid-cols-[repeat(auto-fill,minmax(280px,1fr))] gap-3">
            {shown.map((egg) => (
              <li key={egg.id}>
                <Link
                  to="/servers/new"
                  search={(before) => ({ ...before, egg: egg.id })}
                  className="tx flex h-full items-start gap-3 rounded-box border border-line bg-surface p-4 hover:border-line-2 hover:bg-surface-2"
                >
                  <GameTile large icon={gameIcon(egg.name)} />
                  <span className="min-w-0">
                    <span className="block truncate font-medium">{egg.name}</span>
                    <span className="line-clamp-2 text-12 text-t3">{egg.description || egg.author}</span>
                    <span className="mt-1 block text-12 text-t3">{plural(egg.servers, 'server')}</span>
                  </span>
                </Link>
              </li>
            ))}
          </ul>
          {shown.length === 0 && <p className="py-6 text-center text-t3">No egg has this in its name.</p>}
        </>
      )}
      {eggs.data?.length === 0 && (
        <Card>
          <Empty
            title="No egg yet"
            action={
              <Link to="/eggs" className="hit font-medium text-accent">
                Drop your own on the eggs page
              </Link>
            }
          >
            Take one of those that come with the panel.
          </Empty>
        </Card>
      )}
      <div className="mt-6">
        <StarterTiles onlyNew most={9} />
      </div>
    </div>
  )
}

function Filled({ eggId }: { eggId: string }) {
  const egg = useQuery(eggQuery(eggId))
  const nodes = useQuery(nodesQuery)
  if (egg.isError) {
    return (
      <div className="p-6">
        <ProblemView error={egg.error} onRetry={() => void egg.refetch()} />
      </div>
    )
  }
  if (!egg.data || !nodes.data) return null
  return <Form egg={egg.data} nodes={nodes.data} />
}

function Form({ egg, nodes }: { egg: Egg; nodes: Node[] }) {
  const { node: wantedNode } = useSearch({ from: '/app/servers/new' })
  const navigate = useNavigate()
  const session = useQuery(sessionQuery)
  const admin = session.data?.user.admin ?? false
  const [name, setName] = useState('')
  const [values, setValues] = useState<Record<string, string>>({})
  const [image, setImage] = useState(egg.images[0]?.image ?? '')
  const [startupAt, setStartupAt] = useState(0)
  const [limits, setLimits] = useState(FIRST_LIMITS)
  const [extra, setExtra] = useState(0)
  const [port, setPort] = useState('')
  const [startAfter, setStartAfter] = useState(true)
  const [placing, setPlacing] = useState<'auto' | 'choose'>(wantedNode ? 'choose' : 'auto')
  const [chosen, setChosen] = useState(wantedNode ?? '')
  const [tried, setTried] = useState(false)

  const ranked = rankNodes(nodes, limits)
  const picked = placing === 'auto' ? ranked.find((r) => r.fits)?.node : nodes.find((n) => n.id === chosen)
  const startup = egg.startup_commands[startupAt]?.command ?? ''
  const defaults = Object.fromEntries(egg.variables.map((v) => [v.env, v.default]))
  const filled = Object.fromEntries(egg.variables.map((v) => [v.env, values[v.env] || v.default]))

  const create = useMutation({
    mutationFn: (body: CreateServer) => must(api.POST('/servers', { body })),
    onSuccess: async ({ server }) => {
      void queryClient.invalidateQueries({ queryKey: keys.servers })
      void queryClient.invalidateQueries({ queryKey: keys.operations })
      await navigate({ to: '/servers/$server', params: { server: server.id } })
    },
  })
  const problem = create.error ? asProblem(create.error) : undefined
  const errors = problem?.fields ?? {}
  const wrong = egg.variables.filter((v) => (admin || v.user_viewable) && wrongValue(v, values[v.env] ?? ''))
  const badPort = port !== '' && !(Number(port) >= 1 && Number(port) <= 65_535)
  const needs = [
    ...(name.trim() === '' ? ['a name'] : []),
    ...(wrong.length > 0 ? [plural(wrong.length, 'field')] : []),
    ...(picked ? [] : ['a node']),
    ...(badPort ? ['the port'] : []),
  ]
  const unplaced = Object.entries(errors).filter(
    ([field]) => !/^(name|image|node|variables|limits|ports)/.test(field) && !(field in defaults),
  )

  useEffect(() => {
    if (!problem) return
    document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [problem])

  function submit(event: FormEvent) {
    event.preventDefault()
    setTried(true)
    if (needs.length > 0 || !picked || create.isPending) {
      requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
      return
    }
    create.mutate({
      name: name.trim(),
      egg: egg.id,
      node: picked.id,
      ...(image ? { image } : {}),
      ...(startupAt > 0 && startup ? { startup } : {}),
      variables: Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')),
      limits,
      ports: { ...(port ? { primary: Number(port) } : {}), ...(extra > 0 ? { extra } : {}) },
      start_after_install: startAfter,
    })
  }

  return (
    <form onSubmit={submit} noValidate className="flex min-h-full flex-1 flex-col">
      <div className="grid flex-1 grid-cols-[minmax(0,1fr)_360px] items-start gap-6 px-6 py-5 max-lg:grid-cols-1 max-sm:px-3">
        <div className="mx-auto flex w-full max-w-[760px] min-w-0 flex-col gap-5">
          <div>
            <h1 className="title text-20">New server</h1>
            <p className="mt-0.5 text-t2">
              What {egg.name} needs to know. Empty fields use the default of the egg.
            </p>
          </div>
          <Card className="flex items-center gap-3 p-3">
            <GameTile large icon={gameIcon(egg.name)} />
            <div className="min-w-0 flex-1">
              <div className="flex items-center gap-2">
                <span className="truncate font-medium">{egg.name}</span>
                {egg.source === 'starter' && <Tag>starter</Tag>}
              </div>
              <div className="truncate text-12 text-t3">{egg.description || egg.author}</div>
            </div>
            <Button size="sm" onClick={() => void navigate({ to: '/servers/new', search: {} })}>
              Change egg
            </Button>
          </Card>
          <div className="grid grid-cols-2 items-start gap-4 max-md:grid-cols-1">
            <Field
              label="Name"
              error={errors.name ?? (tried && name.trim() === '' ? 'A name is needed' : undefined)}
              help="Shown to players and in lists"
            >
              {(ids) => (
                <Input
                  {...ids}
                  autoFocus
                  maxLength={100}
                  value={name}
                  placeholder={`My ${egg.name}`}
                  onChange={(event) => setName(event.target.value)}
                />
              )}
            </Field>
            <Field label="Image" error={errors.image} help={<span className="mono">{image}</span>}>
              {(ids) => (
                <Select {...ids} value={image} onChange={(event) => setImage(event.target.value)}>
                  {egg.images.map((each) => (
                    <option key={each.label} value={each.image}>
                      {each.label}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            {egg.startup_commands.length > 1 && (
              <Field label="Startup">
                {(ids) => (
                  <Select
                    {...ids}
                    value={startupAt}
                    onChange={(event) => setStartupAt(Number(event.target.value))}
                  >
                    {egg.startup_commands.map((each, at) => (
                      <option key={each.name} value={at}>
                        {each.name}
                      </option>
                    ))}
                  </Select>
                )}
              </Field>
            )}
          </div>
          {egg.variables.length > 0 && (
            <section>
              <h2 className="mb-3 text-14 font-semibold">Variables</h2>
              <VariableFields
                variables={egg.variables}
                values={values}
                errors={errors}
                admin={admin}
                tried={tried}
                onChange={(env, value) => setValues((all) => ({ ...all, [env]: value }))}
              />
            </section>
          )}
          {startup && (
            <Card className="overflow-hidden">
              <div className="flex h-9 items-center gap-2 border-b border-line pr-2 pl-3.5 text-12">
                <span className="font-medium text-t2">Startup command</span>
                <span className="text-t3">as it will run</span>
                <span className="flex-1" />
                <CopyIcon text={startupPreview(startup, filled)} what="command" />
              </div>
              <div className="mono bg-term-bg px-3.5 py-2.5 text-12 leading-5 text-term-fg [overflow-wrap:anywhere]">
                {startupPreview(startup, filled)}
              </div>
            </Card>
          )}
          <section>
            <h2 className="mb-3 text-14 font-semibold">Limits</h2>
            <LimitFields limits={limits} errors={errors} onChange={setLimits} />
          </section>
          <section>
            <h2 className="mb-3 text-14 font-semibold">Ports and start</h2>
            <div className="grid grid-cols-2 items-start gap-4 max-md:grid-cols-1">
              <Field
                label="Port"
                note="optional"
                help={
                  picked
                    ? `Empty takes the first free one of ${picked.port_range.first} to ${picked.port_range.last}`
                    : 'Empty takes the first free one'
                }
                error={errors['ports.primary'] ?? errors.ports ?? (badPort ? '1 to 65535' : undefined)}
              >
                {(ids) => (
                  <Input
                    {...ids}
                    inputMode="numeric"
                    value={port}
                    onChange={(event) => setPort(event.target.value.trim())}
                  />
                )}
              </Field>
              <Field label="Extra ports" help="For query, voice or a web map" error={errors['ports.extra']}>
                {(ids) => (
                  <Input
                    {...ids}
                    type="number"
                    min={0}
                    max={20}
                    value={extra}
                    onChange={(event) => setExtra(Math.max(0, Number(event.target.value) || 0))}
                  />
                )}
              </Field>
            </div>
            <div className="mt-4 flex min-h-8 items-center gap-3 max-sm:min-h-11">
              <Switch
                label="Start when it is installed"
                checked={startAfter}
                onChange={(event) => setStartAfter(event.target.checked)}
              />
              <span>Start when it is installed</span>
            </div>
          </section>
          {problem && (Object.keys(errors).length === 0 || unplaced.length > 0) && (
            <FormProblem error={create.error} />
          )}
        </div>
        <div className="sticky top-5 flex flex-col gap-4">
          <Placement
            ranked={ranked}
            picked={picked}
            placing={placing}
            error={errors.node}
            onPlacing={(next) => {
              setPlacing(next)
              if (next === 'choose' && picked) setChosen(picked.id)
            }}
            onPick={setChosen}
          />
          {picked && <After node={picked} limits={limits} />}
        </div>
      </div>
      <div className="sticky bottom-0 z-(--z-sticky) flex min-h-14 items-center gap-2 border-t border-line bg-surface px-6 max-sm:px-3">
        {tried && needs.length > 0 && (
          <span role="alert" className="flex items-center gap-1.5 text-fail-fg">
            <CircleAlert aria-hidden="true" size={14} />
            <span>Missing: {needs.join(', ')}</span>
          </span>
        )}
        <span className="flex-1" />
        <Button look="quiet" onClick={() => void navigate({ to: '/servers' })}>
          Cancel
        </Button>
        <Button type="submit" look="primary" busy={create.isPending}>
          Create server
        </Button>
      </div>
    </form>
  )
}

function Placement({
  ranked,
  picked,
  placing,
  error,
  onPlacing,
  onPick,
}: {
  ranked: Ranked[]
  picked: Node | undefined
  placing: 'auto' | 'choose'
  error: string | undefined
  onPlacing: (placing: 'auto' | 'choose') => void
  onPick: (node: string) => void
}) {
  return (
    <Card>
      <CardHead title="Placement">
        <Segmented
          label="Placement"
          small
          value={placing}
          choices={[
            { value: 'auto', label: 'Automatic' },
            { value: 'choose', label: 'Choose' },
          ]}
          onChange={onPlacing}
        />
      </CardHead>
      {error && <p className="border-b border-line px-4 py-2 text-fail-fg">{error}</p>}
      {ranked.length === 0 && (
        <Empty
          title="No node yet"
          action={
            <Link to="/nodes" search={{ join: true }} className="hit font-medium text-accent">
              Connect a machine
            </Link>
          }
        />
      )}
      <ul>
        {ranked.map(({ node, fits, why }, at) => {
          const isPicked = picked?.id === node.id
          const Icon = isPicked ? Check : fits ? Minus : X
          const body = (
            <>
              <Icon
                aria-hidden="true"
                size={16}
                strokeWidth={1.75}
                className={cx('mt-0.5 shrink-0', isPicked ? 'text-run-fg' : 'text-t3')}
              />
              <span className="min-w-0 flex-1">
                <span className={cx('block font-medium', !fits && 'text-t2')}>
                  {fits ? '' : 'not '}
                  {node.name}
                </span>
                <span className={cx('mt-0.5 block text-12 leading-[18px]', fits ? 'text-t2' : 'text-t3')}>
                  {why}
                </span>
              </span>
              {isPicked ? (
                <Tag className="border-run-line! text-run-fg!">picked</Tag>
              ) : (
                fits && <span className="text-12 leading-5 text-t3">{at + 1}.</span>
              )}
            </>
          )
          return (
            <li key={node.id} className="border-t border-line first:border-0">
              {placing === 'choose' ? (
                <button
                  type="button"
                  aria-pressed={isPicked}
                  onClick={() => onPick(node.id)}
                  className="flex w-full gap-2.5 px-4 py-2.5 text-left hover:bg-surface-2"
                >
                  {body}
                </button>
              ) : (
                <div className="flex gap-2.5 px-4 py-2.5">{body}</div>
              )}
            </li>
          )
        })}
      </ul>
    </Card>
  )
}

function After({ node, limits }: { node: Node; limits: Limits }) {
  const rows: Array<[string, number, number, string]> = [
    [
      'CPU',
      node.promised.cpu_percent / (node.host.cpus * 100),
      (node.promised.cpu_percent + limits.cpu_percent) / (node.host.cpus * 100),
      `${trimmed((node.promised.cpu_percent + limits.cpu_percent) / 100)} of ${node.host.cpus} cores`,
    ],
    [
      'Memory',
      node.promised.memory_bytes / node.host.memory_bytes,
      (node.promised.memory_bytes + limits.memory_bytes) / node.host.memory_bytes,
      `${bytesText(node.promised.memory_bytes + limits.memory_bytes, true)} of ${bytesText(node.host.memory_bytes, true)}`,
    ],
    [
      'Disk',
      node.promised.disk_bytes / node.host.disk_bytes,
      (node.promised.disk_bytes + limits.disk_bytes) / node.host.disk_bytes,
      `${bytesText(node.promised.disk_bytes + limits.disk_bytes, true)} of ${bytesText(node.host.disk_bytes, true)}`,
    ],
  ]
  return (
    <Card className="px-4 py-3.5">
      <h2 className="mb-2 text-14 font-semibold">{node.name} after this</h2>
      {rows.map(([word, before, after, text]) => (
        <div key={word} className="grid h-7 grid-cols-[56px_1fr_auto] items-center gap-2">
          <span className="text-t2">{word}</span>
          <Bar
            share={before}
            also={after}
            look={after > 1 ? 'warn' : 'accent'}
            height={6}
            label={`${word}: ${text}`}
          />
          <span className="num text-right text-12 text-t2">{text}</span>
        </div>
      ))}
      <p className="mt-1 text-12 text-t3">Promised so far, and this server in the lighter part.</p>
    </Card>
  )
}
