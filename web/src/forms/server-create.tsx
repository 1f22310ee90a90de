import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { CircleAlert } from 'lucide-react'
import { type FormEvent, useEffect, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient, sessionQuery } from '~/api/queries'
import type { CreateServer, Egg, Limits, Node } from '~/api/types'
import { Placement, PlacementAfter } from '~/components/placement'
import { FormProblem } from '~/components/problem-view'
import { OwnQuota } from '~/components/quota'
import { StartupPreview } from '~/components/startup-preview'
import { type Step, Steps } from '~/components/steps'
import { texts } from '~/i18n/texts'
import { Card, GameTile, Switch, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input, Select } from '~/ui/field'
import { fromMib } from '~/util/format'
import { gameIcon } from '~/util/game-icon'
import { rankNodes } from '~/util/placement'
import { wrongValue } from '~/util/rules'
import { visible, visibleLines } from '~/util/visible'
import { LimitFields } from './limits'
import { badPort, PortFields, type Ports } from './server-ports'
import { VariableFields } from './variables'

const t = texts('server_new')
const eggs = texts('eggs')
const common = texts('common')

const FIRST_LIMITS: Limits = {
  memory_bytes: fromMib(2048),
  swap_bytes: 0,
  disk_bytes: fromMib(10_240),
  cpu_percent: 200,
  databases: 0,
  backups: 0,
}
/** A section that is led to keeps its head in sight. */
const SECTION = 'scroll-mt-5'

/** All that a new server needs on one page, its sections named beside it. */
export function ServerCreateForm({ egg, nodes }: { egg: Egg; nodes: Node[] }) {
  const { node: wantedNode } = useSearch({ from: '/app/servers/new' })
  const navigate = useNavigate()
  const session = useQuery(sessionQuery)
  const admin = session.data?.user.admin ?? false
  const [name, setName] = useState('')
  const [values, setValues] = useState<Record<string, string>>({})
  const [image, setImage] = useState(egg.images[0]?.image ?? '')
  const [startupAt, setStartupAt] = useState(0)
  const [limits, setLimits] = useState(FIRST_LIMITS)
  const [ports, setPorts] = useState<Ports>({ primary: '', extra: 0 })
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
  const portWrong = badPort(ports.primary)
  const needs = [
    ...(name.trim() === '' ? [t('needs.name')] : []),
    ...(wrong.length > 0 ? [t('needs.fields', { n: wrong.length })] : []),
    ...(picked ? [] : [t('needs.node')]),
    ...(portWrong ? [t('needs.port')] : []),
  ]
  const unplaced = Object.entries(errors).filter(
    ([field]) => !/^(name|image|node|variables|limits|ports)/.test(field) && !(field in defaults),
  )

  const said = (pattern: RegExp) => Object.keys(errors).some((field) => pattern.test(field))
  const nameWrong = (tried && name.trim() === '') || said(/^(name|image|startup)/)
  const variablesWrong = wrong.some((v) => tried || values[v.env]) || said(/^variables/)
  const steps: Step[] = [
    { id: 'egg', label: t('section.egg'), state: 'done' },
    { id: 'name', label: t('section.name'), state: nameWrong ? 'wrong' : 'open' },
    ...(egg.variables.length > 0
      ? [
          {
            id: 'variables',
            label: t('section.variables'),
            state: variablesWrong ? ('wrong' as const) : ('open' as const),
          },
        ]
      : []),
    { id: 'limits', label: t('section.limits'), state: said(/^limits/) ? 'wrong' : 'open' },
    { id: 'ports', label: t('section.ports'), state: portWrong || said(/^ports/) ? 'wrong' : 'open' },
  ]

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
      ports: {
        ...(ports.primary ? { primary: Number(ports.primary) } : {}),
        ...(ports.extra > 0 ? { extra: ports.extra } : {}),
      },
      start_after_install: startAfter,
    })
  }

  return (
    <form onSubmit={submit} noValidate className="flex min-h-full flex-1 flex-col">
      <div className="grid flex-1 grid-cols-[180px_minmax(0,1fr)_360px] items-start gap-6 px-6 py-5 max-xl:grid-cols-[minmax(0,1fr)_360px] max-lg:grid-cols-1 max-sm:px-3">
        <div className="sticky top-5 max-xl:hidden">
          <Steps label={t('sections')} steps={steps} />
        </div>
        <div className="mx-auto flex w-full max-w-[760px] min-w-0 flex-col gap-5">
          <div id="egg" className={SECTION}>
            <h1 className="title text-20">{t('title')}</h1>
            <p className="mt-0.5 text-t2">{t('note', { egg: egg.name })}</p>
          </div>
          <Card className="flex items-center gap-3 p-3">
            <GameTile large icon={gameIcon(egg.name)} />
            <div className="min-w-0 flex-1">
              <div className="flex items-center gap-2">
                <span className="truncate font-medium">{egg.name}</span>
                {egg.source === 'starter' && <Tag>{eggs('source.starter')}</Tag>}
              </div>
              <div className="truncate text-12 text-t3">{visibleLines(egg.description || egg.author)}</div>
            </div>
            <Button size="sm" onClick={() => void navigate({ to: '/servers/new', search: {} })}>
              {t('change_egg')}
            </Button>
          </Card>
          <div id="name" className={`${SECTION} grid grid-cols-2 items-start gap-4 max-md:grid-cols-1`}>
            <Field
              label={t('name')}
              error={errors.name ?? (tried && name.trim() === '' ? t('name.needed') : undefined)}
              help={t('name.help')}
            >
              {(ids) => (
                <Input
                  {...ids}
                  autoFocus
                  maxLength={100}
                  value={name}
                  placeholder={t('name.placeholder', { egg: egg.name })}
                  onChange={(event) => setName(event.target.value)}
                />
              )}
            </Field>
            <Field label={t('image')} error={errors.image} help={<span className="mono">{image}</span>}>
              {(ids) => (
                <Select {...ids} value={image} onChange={(event) => setImage(event.target.value)}>
                  {egg.images.map((each) => (
                    <option key={each.label} value={each.image}>
                      {visible(each.label)}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            {egg.startup_commands.length > 1 && (
              <Field label={t('startup')}>
                {(ids) => (
                  <Select
                    {...ids}
                    value={startupAt}
                    onChange={(event) => setStartupAt(Number(event.target.value))}
                  >
                    {egg.startup_commands.map((each, at) => (
                      <option key={each.name} value={at}>
                        {visible(each.name)}
                      </option>
                    ))}
                  </Select>
                )}
              </Field>
            )}
          </div>
          {egg.variables.length > 0 && (
            <section id="variables" className={SECTION}>
              <h2 className="mb-3 text-14 font-semibold">{t('section.variables')}</h2>
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
            <StartupPreview startup={startup} values={filled} wrong={new Set(wrong.map((v) => v.env))} />
          )}
          <section id="limits" className={SECTION}>
            <h2 className="mb-3 text-14 font-semibold">{t('section.limits')}</h2>
            <LimitFields limits={limits} errors={errors} onChange={setLimits} />
          </section>
          <section id="ports" className={SECTION}>
            <h2 className="mb-3 text-14 font-semibold">{t('section.ports')}</h2>
            <PortFields ports={ports} node={picked} errors={errors} onChange={setPorts} />
            <div className="mt-4 flex min-h-8 items-center gap-3 max-sm:min-h-11">
              <Switch
                label={t('start')}
                checked={startAfter}
                onChange={(event) => setStartAfter(event.target.checked)}
              />
              <span>{t('start')}</span>
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
          {picked && <PlacementAfter node={picked} limits={limits} />}
          <OwnQuota />
        </div>
      </div>
      <div className="sticky bottom-0 z-(--z-sticky) flex min-h-14 items-center gap-2 border-t border-line bg-surface px-6 max-sm:px-3">
        {tried && needs.length > 0 && (
          <span role="alert" className="flex items-center gap-1.5 text-fail-fg">
            <CircleAlert aria-hidden="true" size={14} />
            <span>{t('missing', { what: needs.join(', ') })}</span>
          </span>
        )}
        <span className="flex-1" />
        <Button look="quiet" onClick={() => void navigate({ to: '/servers' })}>
          {common('cancel')}
        </Button>
        <Button type="submit" look="primary" busy={create.isPending}>
          {t('create')}
        </Button>
      </div>
    </form>
  )
}
