import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { locationsQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, nodesQuery, queryClient } from '~/api/queries'
import type { DatabaseEngine, DatabaseHost, DatabaseTls } from '~/api/types'
import { ifMatch } from '~/api/versions'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select, Textarea } from '~/ui/field'
import { visible } from '~/util/visible'

const t = texts('database_hosts')

/** What the dialog is for: nothing, a host that is not known yet, or one that is. */
export type EditingHost = 'new' | DatabaseHost | undefined

/** Asks for all of a database host. Its password goes in and never comes out again. */
export function DatabaseHostDialog({ editing, onClose }: { editing: EditingHost; onClose: () => void }) {
  const known = typeof editing === 'object' ? editing : undefined
  return (
    <Dialog
      open={editing !== undefined}
      onClose={onClose}
      width="md"
      title={known ? t('change_of', { name: known.name }) : t('new')}
    >
      {editing !== undefined && <HostForm key={known?.id} known={known} onClose={onClose} />}
    </Dialog>
  )
}

const ENGINES: DatabaseEngine[] = ['mariadb', 'mysql', 'postgresql']
const PORTS: Record<DatabaseEngine, string> = { mariadb: '3306', mysql: '3306', postgresql: '5432' }
const KINDS: DatabaseTls[] = ['off', 'require', 'verify']

interface Typed {
  engine: DatabaseEngine
  name: string
  address: string
  port: string
  public_address: string
  public_port: string
  username: string
  password: string
  tls: DatabaseTls
  ca_pem: string
  most_databases: string
  most_connections: string
  nodes: string[]
  locations: string[]
}

const written = (n: number | null | undefined) => (typeof n === 'number' ? String(n) : '')
const read = (text: string) => (text.trim() === '' ? null : Number(text))

function typed(known: DatabaseHost | undefined): Typed {
  return {
    engine: known?.engine ?? 'mariadb',
    name: known?.name ?? '',
    address: known?.address ?? '',
    port: written(known?.port) || PORTS.mariadb,
    public_address: known?.public_address ?? '',
    public_port: written(known?.public_port),
    username: known?.username ?? '',
    password: '',
    tls: known?.tls ?? 'off',
    ca_pem: known?.ca_pem ?? '',
    most_databases: written(known?.most_databases),
    most_connections: written(known?.most_connections),
    nodes: known?.nodes ?? [],
    locations: known?.locations ?? [],
  }
}

function HostForm({ known, onClose }: { known: DatabaseHost | undefined; onClose: () => void }) {
  const [fields, setFields] = useState(() => typed(known))
  const set = (change: Partial<Typed>) => setFields({ ...fields, ...change })
  const save = useMutation({
    mutationFn: () => {
      const { engine, password, ...rest } = fields
      const body = {
        ...rest,
        port: Number(fields.port),
        public_address: fields.public_address.trim() || null,
        public_port: read(fields.public_port),
        ca_pem: (fields.tls === 'verify' && fields.ca_pem.trim()) || null,
        most_databases: read(fields.most_databases),
        most_connections: read(fields.most_connections),
      }
      return known
        ? must(
            api.PUT('/database-hosts/{database_host}', {
              params: { path: { database_host: known.id }, header: ifMatch(known.version) },
              body: { ...body, password: password || null },
            }),
          )
        : must(api.POST('/database-hosts', { body: { ...body, engine, password } }))
    },
    onSuccess: (host) => {
      void queryClient.invalidateQueries({ queryKey: keys.databaseHosts })
      toast.done(t(known ? 'save.changed' : 'save.added', { name: host.name }), t('save.test_next'))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const errors: Record<string, string | undefined> = { ...problem?.fields }
  const needed = [
    ['field.name', fields.name],
    ['field.address', fields.address],
    ['field.port', fields.port],
    ['field.username', fields.username],
    ['field.password', known ? 'kept' : fields.password],
  ] as const
  const missing = needed.filter(([, text]) => text.trim() === '').map(([label]) => t(label))
  const input = (
    name: Exclude<keyof Typed, 'nodes' | 'locations' | 'engine' | 'tls' | 'ca_pem'>,
    label: string,
    more: {
      help?: string
      note?: string
      code?: boolean
      type?: string
      autoFocus?: boolean
      max?: number
    } = {},
  ) => (
    <Field label={label} note={more.note} help={more.help} error={errors[name]}>
      {(ids) => (
        <Input
          {...ids}
          code={more.code ?? false}
          type={more.type ?? 'text'}
          autoFocus={more.autoFocus ?? false}
          min={more.type === 'number' ? 0 : undefined}
          autoCapitalize="none"
          autoComplete={more.type === 'password' ? 'new-password' : 'off'}
          spellCheck={false}
          maxLength={more.max}
          value={fields[name]}
          onChange={(event) => set({ [name]: event.target.value })}
        />
      )}
    </Field>
  )
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (missing.length === 0 && !save.isPending) save.mutate()
      }}
    >
      <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
        {input('name', t('field.name'), { autoFocus: !known, max: 64 })}
        <Field label={t('field.engine')}>
          {(ids) => (
            <Select
              {...ids}
              disabled={known !== undefined}
              value={fields.engine}
              onChange={(event) => {
                const engine = event.target.value as DatabaseEngine
                // A port that was typed stays.
                const untouched = fields.port === PORTS[fields.engine]
                set({ engine, ...(untouched ? { port: PORTS[engine] } : {}) })
              }}
            >
              {ENGINES.map((engine) => (
                <option key={engine} value={engine}>
                  {t(`engine.${engine}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {input('address', t('field.address'), { code: true, help: t('field.address_help'), max: 253 })}
        {input('port', t('field.port'), { type: 'number' })}
        {input('public_address', t('field.public_address'), {
          code: true,
          note: t('optional'),
          help: t('field.public_help'),
          max: 253,
        })}
        {input('public_port', t('field.public_port'), { type: 'number', note: t('optional') })}
        {input('username', t('field.username'), { code: true, help: t('field.username_help'), max: 128 })}
        {input('password', t('field.password'), {
          type: 'password',
          help: known ? t('field.password_kept') : t('field.password_help'),
          max: 1024,
        })}
      </div>
      <Field label={t('field.tls')} error={errors.tls}>
        {(ids) => (
          <Select
            {...ids}
            value={fields.tls}
            onChange={(event) => set({ tls: event.target.value as DatabaseTls })}
          >
            {KINDS.map((tls) => (
              <option key={tls} value={tls}>
                {t(`tls.${tls}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {fields.tls === 'verify' && (
        <Field label={t('field.ca')} note={t('optional')} help={t('field.ca_help')} error={errors.ca_pem}>
          {(ids) => (
            <Textarea
              {...ids}
              rows={4}
              className="mono text-12!"
              spellCheck={false}
              value={fields.ca_pem}
              onChange={(event) => set({ ca_pem: event.target.value })}
            />
          )}
        </Field>
      )}
      <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
        {input('most_databases', t('field.most_databases'), { type: 'number', help: t('field.no_limit') })}
        {input('most_connections', t('field.most_connections'), {
          type: 'number',
          help: t('field.no_limit'),
        })}
      </div>
      <Places
        nodes={fields.nodes}
        locations={fields.locations}
        error={errors.nodes ?? errors.locations}
        onChange={set}
      />
      {problem && !Object.keys(fields).some((field) => errors[field]) && <FormProblem error={problem} />}
      <DialogFoot stuck>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={missing.length > 0 ? t('missing', { what: missing.join(', ') }) : false}
        >
          {t(known ? 'save.change' : 'save.new')}
        </Button>
      </DialogFoot>
    </form>
  )
}

/** Whose servers a host is for. What is chosen and no longer there stays chosen: it must not become all by itself. */
function Places({
  nodes,
  locations,
  error,
  onChange,
}: {
  nodes: string[]
  locations: string[]
  error: string | undefined
  onChange: (change: { nodes?: string[]; locations?: string[] }) => void
}) {
  const sees = useMay().may('node.read')
  const places = useQuery({ ...locationsQuery, enabled: sees })
  const machines = useQuery({ ...nodesQuery, enabled: sees })
  if (!sees) return null
  const pick = (chosen: string[], id: string, on: boolean) =>
    on ? [...chosen, id] : chosen.filter((each) => each !== id)
  const list = (
    label: string,
    rows: Array<{ id: string; name: string }> | undefined,
    chosen: string[],
    name: 'nodes' | 'locations',
  ) =>
    rows &&
    rows.length > 0 && (
      <fieldset className="min-w-0">
        <legend className="mb-1 text-12 text-t3">{label}</legend>
        <ul className="max-h-40 overflow-y-auto">
          {rows.map((row) => (
            <li key={row.id}>
              {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
              <label className="flex min-h-7 items-center gap-1.5 max-sm:min-h-11">
                <Checkbox
                  checked={chosen.includes(row.id)}
                  onChange={(event) => onChange({ [name]: pick(chosen, row.id, event.target.checked) })}
                />
                <span className="truncate">{visible(row.name)}</span>
              </label>
            </li>
          ))}
        </ul>
      </fieldset>
    )
  return (
    <div>
      <div className="font-medium">{t('field.places')}</div>
      <p className={error ? 'mb-2 text-12 text-fail-fg' : 'mb-2 text-12 text-t3'} role={error && 'alert'}>
        {error ?? t('field.places_help')}
      </p>
      <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
        {list(t('field.locations'), places.data, locations, 'locations')}
        {list(t('field.nodes'), machines.data, nodes, 'nodes')}
      </div>
    </div>
  )
}
