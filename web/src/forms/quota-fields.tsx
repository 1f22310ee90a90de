import type { Quota } from '~/api/types'
import { Field, Input } from '~/ui/field'
import { cx } from '~/util/cx'
import { bytesText, fromMib, toMib } from '~/util/format'
import type { QuotaName } from '~/util/quota'

const FIELDS: Array<[name: QuotaName, label: string, note: string, help?: string]> = [
  ['servers', 'Servers', ''],
  ['memory_bytes', 'Memory', 'MiB', 'swap counts too'],
  ['disk_bytes', 'Disk', 'MiB'],
  ['cpu_percent', 'CPU', 'percent of a core'],
  ['ports', 'Ports', '', 'the first one of each server too'],
  ['subusers', 'Shares', '', 'people with access, once for each server'],
]

const inMib = (name: QuotaName) => name.endsWith('_bytes')

/** The numbers of a quota while they are typed; empty for no limit. */
export type TypedLimits = Record<QuotaName, string>

export function typedLimits(limits: Quota['limits']): TypedLimits {
  const text = (name: QuotaName) => {
    const most = limits[name]
    if (most === null || most === undefined) return ''
    return String(inMib(name) ? toMib(most) : most)
  }
  return Object.fromEntries(FIELDS.map(([name]) => [name, text(name)])) as TypedLimits
}

export function readLimits(fields: TypedLimits): Quota['limits'] {
  const number = (name: QuotaName) => {
    const text = fields[name].trim()
    if (text === '') return null
    return inMib(name) ? fromMib(Number(text)) : Number(text)
  }
  return Object.fromEntries(FIELDS.map(([name]) => [name, number(name)]))
}

export const sameLimits = (a: TypedLimits, b: TypedLimits) =>
  FIELDS.every(([name]) => a[name].trim() === b[name].trim())
export const wrongLimits = (fields: TypedLimits) => FIELDS.some(([name]) => wrong(fields[name]))
export const noLimits = (fields: TypedLimits) => FIELDS.every(([name]) => fields[name].trim() === '')

/** What the number comes to, for those who think in GiB and cores. */
function means(name: QuotaName, text: string, help = ''): string {
  const most = Number(text)
  if (text.trim() === '' || wrong(text)) return help
  if (inMib(name)) return [bytesText(fromMib(most), true), help].filter(Boolean).join(', ')
  return name === 'cpu_percent' ? `${most / 100} ${most === 100 ? 'core' : 'cores'}` : help
}

const wrong = (text: string) =>
  /^\d*$/.test(text.trim()) ? undefined : 'is a whole number, or empty for no limit'

/** What somebody's servers may have together, of a person or of a plan. */
export function QuotaFields({
  fields,
  errors,
  wide = false,
  off = false,
  onChange,
}: {
  fields: TypedLimits
  errors: Partial<Record<QuotaName, string | undefined>>
  /** Three beside each other, where there is room. */
  wide?: boolean
  off?: boolean
  onChange: (fields: TypedLimits) => void
}) {
  return (
    <div className={cx('grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1', wide && 'md:grid-cols-3')}>
      {FIELDS.map(([name, label, note, help]) => (
        <Field
          key={name}
          label={label}
          note={note || undefined}
          help={means(name, fields[name], help)}
          error={errors[name] ?? wrong(fields[name])}
        >
          {(ids) => (
            <Input
              {...ids}
              inputMode="numeric"
              autoComplete="off"
              placeholder="no limit"
              disabled={off}
              value={fields[name]}
              onChange={(event) => onChange({ ...fields, [name]: event.target.value })}
            />
          )}
        </Field>
      ))}
    </div>
  )
}
