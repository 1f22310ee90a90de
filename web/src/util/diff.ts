import type { AuditRow } from '~/api/types'
import { texts } from '~/i18n/texts'
import { bytesText, elapsed, exact, percentText, sentence } from './format'
import { scopeText } from './rights'
import { visible } from './visible'

/** A text, or a list of them; of nothing an empty one. */
export type Told = string | string[]
/** One thing that an entry of the log says: a value, or what it was before and after. */
export interface DiffLine {
  label: string
  before?: Told
  after: Told
}
/** A name for an id, where one is known. */
export type NameOf = (id: string) => string | undefined

const t = texts('audit_fields')

type Fields = Record<string, unknown>

const MOST_LINES = 60
const MOST_VALUES = 100
const MOST_CHARS = 2000
const DEEPEST = 4
/** Of a quota nothing is no limit, and 0 is none of it; of a server's limits it is the other way round. */
const QUOTAS = ['person.quota', 'plan.create', 'plan.update', 'plan.delete']
const QUOTA_LIMITS = [
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
const NO_LIMIT_AT_0 = ['memory_bytes', 'disk_bytes', 'cpu_percent']

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
function isChange(value: unknown): value is { from: unknown; to: unknown } {
  return isFields(value) && 'from' in value && 'to' in value && Object.keys(value).length === 2
}
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/** As it stands within a line. */
function wordOf(field: string): string {
  return (
    t.maybe(`field.${field}`) ??
    visible(field.replace(/_(at_ms|bytes|percent|ms|s)$/, '').replaceAll('_', ' '))
  )
}
/** "Limits · memory": a field within a field. */
function within(outer: string, field: string): string {
  const word = wordOf(field)
  return outer === '' ? sentence(word) : `${outer} · ${word}`
}

function numberText(field: string, n: number): string {
  if (n === 0 && NO_LIMIT_AT_0.includes(field)) return t('no_limit')
  if (field === 'bytes' || field.endsWith('_bytes')) return bytesText(n, true)
  if (field.endsWith('_percent')) return percentText(n, true)
  if (field.endsWith('_at_ms')) return Math.abs(n) < 8.64e15 ? exact(n) : String(n)
  if (field.endsWith('_ms')) return elapsed(n)
  if (field.endsWith('_s')) return elapsed(n * 1000)
  return String(n)
}

function cut(text: string): string {
  const shown = visible(text.slice(0, MOST_CHARS))
  return text.length > MOST_CHARS ? t('characters_more', { text: shown, n: text.length - MOST_CHARS }) : shown
}

function textOf(field: string, value: unknown, nameOf: NameOf): string {
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no')
  if (typeof value === 'number') return numberText(field, value)
  if (typeof value === 'string') return cut(nameOf(value) ?? value)
  if (isFields(value) && Object.values(value).every((each) => !isFields(each) && !Array.isArray(each))) {
    const parts = Object.entries(value).filter(([, each]) => each !== null)
    const first = ([name, each]: [string, unknown]) =>
      t('field_value', { field: wordOf(name), value: textOf(name, each, nameOf) })
    return parts.map(first).join(', ')
  }
  return cut(JSON.stringify(value) ?? '')
}

function toldOf(field: string, value: unknown, nameOf: NameOf): Told {
  if (value === null || value === undefined) return field === 'expires_at_ms' ? t('never') : []
  if (!Array.isArray(value)) return textOf(field, value, nameOf)
  const shown = value.slice(0, MOST_VALUES).map((each) => textOf(field, each, nameOf))
  return value.length > MOST_VALUES ? [...shown, t('and_more', { n: value.length - MOST_VALUES })] : shown
}

function changeLines(label: string, field: string, from: unknown, to: unknown, nameOf: NameOf): DiffLine[] {
  if (same(from, to)) return []
  if (isFields(from) && isFields(to)) {
    const fields = [...new Set([...Object.keys(from), ...Object.keys(to)])]
    return fields.flatMap((name) => changeLines(within(label, name), name, from[name], to[name], nameOf))
  }
  const line = { label, before: toldOf(field, from, nameOf), after: toldOf(field, to, nameOf) }
  // A difference that rounding hides is one all the same.
  if (same(line.before, line.after)) return [{ label, before: cut(String(from)), after: cut(String(to)) }]
  return [line]
}

function quotaLimit(name: string, value: unknown): unknown {
  if (!QUOTA_LIMITS.includes(name)) return value
  if (value === 0)
    return name.endsWith('_bytes') ? bytesText(0) : name === 'cpu_percent' ? percentText(0, true) : value
  return value ?? t('no_limit')
}

function quotaSource(value: unknown): unknown {
  return value === 'own' ? t('own_numbers') : (value ?? t('no_limit'))
}

function quotaTold(diff: Fields): Fields {
  const told = ([name, value]: [string, unknown]) => {
    const of = (each: unknown) => (name === 'plan' ? quotaSource(each) : quotaLimit(name, each))
    if (isChange(value)) return [name, { from: of(value.from), to: of(value.to) }]
    return [name, name === 'limits' && isFields(value) ? quotaTold(value) : of(value)]
  }
  return Object.fromEntries(Object.entries(diff).map(told))
}

function isNothing(value: unknown): boolean {
  if (value === null || value === undefined) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** What an entry says beside who, what and when. What was not asked for and what stayed the same is left out. */
export function diffLines(
  { action, diff }: Pick<AuditRow, 'action' | 'diff'>,
  nameOf: NameOf,
): { lines: DiffLine[]; left: number } {
  const lines: DiffLine[] = []
  function walk(label: string, field: string, value: unknown, depth: number): void {
    if (isChange(value)) {
      // Of a node's fields all stand there, null those that nobody asked to change.
      if (action === 'node.update' && value.to === null) return
      lines.push(...changeLines(label || sentence(t('field.path')), field, value.from, value.to, nameOf))
    } else if (isFields(value) && depth < DEEPEST) {
      for (const [name, each] of Object.entries(value)) walk(within(label, name), name, each, depth + 1)
    } else if (!isNothing(value) || field === 'expires_at_ms') {
      lines.push({ label, after: toldOf(field, value, nameOf) })
    }
  }
  if (diff) walk('', '', QUOTAS.includes(action) ? quotaTold(diff) : diff, 0)
  return { lines: lines.slice(0, MOST_LINES), left: Math.max(0, lines.length - MOST_LINES) }
}

const PATHS = ['path', 'directory']
const SHORT = 80
/** In which format the log was taken. */
function formatOf(file: unknown): string | undefined {
  if (file === 'csv') return 'CSV'
  return file === 'jsonl' ? t('jsonl') : undefined
}

/** The one thing about an entry that is worth a place in its row: "/server.properties", "limits, variables". */
export function briefOf(row: Pick<AuditRow, 'action' | 'diff'>, nameOf: NameOf): string | undefined {
  const { action, diff } = row
  if (!diff) return undefined
  for (const name of PATHS) if (typeof diff[name] === 'string') return cut(diff[name])
  if (action.startsWith('file.') && isChange(diff))
    return `${textOf('', diff.from, nameOf)} → ${textOf('', diff.to, nameOf)}`
  if (action === 'file.delete' && Array.isArray(diff.delete)) return firstOf(diff.delete, nameOf)
  if (action === 'control.console' && typeof diff.bytes === 'number')
    return t('typed', { size: bytesText(diff.bytes) })
  if (action === 'person.suspend') return suspensionBrief(diff)
  if (action === 'person.quota' || action === 'plan.update') return quotaBrief(row, nameOf)
  if (action === 'session.create') return wayIn(diff)
  if (action === 'audit.read') return formatOf(diff.export)
  if (action === 'api_key.create' && 'keys' in diff) return scopeText(diff.keys)
  if (action === 'role.grant' && typeof diff.role === 'string') return nameOf(diff.role)
  return action === 'server.update' ? settingsBrief(row, nameOf) : undefined
}

/** The plan that counts from then on, or the one number that changed, or which ones did. */
function quotaBrief(row: Pick<AuditRow, 'action' | 'diff'>, nameOf: NameOf): string | undefined {
  const plan = row.diff?.plan
  if (isChange(plan)) return textOf('plan', quotaSource(plan.to), nameOf)
  const { lines } = diffLines(row, nameOf)
  const [only] = lines
  if (lines.length === 1 && typeof only?.before === 'string' && typeof only.after === 'string')
    return row.diff?.standard
      ? undefined
      : t('change', { field: only.label, before: only.before, after: only.after })
  return lines.length > 1 ? sentence(lines.map(({ label }) => label).join(', ')) : undefined
}

/** Which passkey or provider let somebody in. */
function wayIn({ passkey, provider }: Fields): string | undefined {
  const through = passkey ?? provider
  return typeof through === 'string' ? cut(through) : undefined
}

function firstOf(list: unknown[], nameOf: NameOf): string | undefined {
  if (list.length === 0) return undefined
  const first = textOf('', list[0], nameOf)
  return list.length > 1 ? t('first_and_more', { first, n: list.length - 1 }) : first
}

/** The reason that holds from then on. */
function suspensionBrief({ reason }: Fields): string | undefined {
  return isChange(reason) && typeof reason.to === 'string' && reason.to !== '' ? cut(reason.to) : undefined
}

function settingsBrief(row: Pick<AuditRow, 'action' | 'diff'>, nameOf: NameOf): string | undefined {
  const { lines } = diffLines(row, nameOf)
  const [only] = lines
  if (lines.length === 1 && typeof only?.before === 'string' && typeof only.after === 'string') {
    const text = `${only.before} → ${only.after}`
    return text.length < SHORT ? text : undefined
  }
  const fields = Object.keys(row.diff ?? {})
  return fields.length > 1 ? fields.map(wordOf).join(', ') : undefined
}
