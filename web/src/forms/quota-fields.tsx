import type { Quota } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'
import { cx } from '~/util/cx'
import { bytesText, fromMib, toMib, trimmed } from '~/util/format'
import type { QuotaName } from '~/util/quota'

const t = texts('plans')
const common = texts('common')

const FIELDS: QuotaName[] = [
  'servers',
  'memory_bytes',
  'disk_bytes',
  'cpu_percent',
  'ports',
  'subusers',
  'databases',
  'backups',
  'backup_bytes',
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
  return Object.fromEntries(FIELDS.map((name) => [name, text(name)])) as TypedLimits
}

export function readLimits(fields: TypedLimits): Quota['limits'] {
  const number = (name: QuotaName) => {
    const text = fields[name].trim()
    if (text === '') return null
    return inMib(name) ? fromMib(Number(text)) : Number(text)
  }
  return Object.fromEntries(FIELDS.map((name) => [name, number(name)]))
}

export const sameLimits = (a: TypedLimits, b: TypedLimits) =>
  FIELDS.every((name) => a[name].trim() === b[name].trim())
export const wrongLimits = (fields: TypedLimits) => FIELDS.some((name) => wrong(fields[name]))
export const noLimits = (fields: TypedLimits) => FIELDS.every((name) => fields[name].trim() === '')

/** In what it is typed. */
function unitOf(name: QuotaName): string | undefined {
  if (inMib(name)) return common('unit.mib')
  return name === 'cpu_percent' ? t('note.percent') : undefined
}

/** What the number comes to, for those who think in GiB and cores. */
function means(name: QuotaName, text: string): string | undefined {
  const most = Number(text)
  const help = t.maybe(`help.${name}`)
  if (text.trim() === '' || wrong(text)) return help
  if (name === 'cpu_percent') return t('means.cores', { cores: trimmed(most / 100), percent: most })
  if (!inMib(name)) return help
  const size = bytesText(fromMib(most), true)
  return help ? t('means.size_help', { size, help }) : size
}

const wrong = (text: string) => (/^\d*$/.test(text.trim()) ? undefined : t('wrong'))

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
      {FIELDS.map((name) => (
        <Field
          key={name}
          label={t(`field.${name}`)}
          note={unitOf(name)}
          help={means(name, fields[name])}
          error={errors[name] ?? wrong(fields[name])}
        >
          {(ids) => (
            <Input
              {...ids}
              inputMode="numeric"
              autoComplete="off"
              placeholder={t('no_limit')}
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
