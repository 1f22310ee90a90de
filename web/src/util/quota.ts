import type { Quota } from '~/api/types'
import { perLanguage, texts } from '~/i18n/texts'
import { bytesText, count, ofText, trimmed } from '~/util/format'

const t = texts('quota')
const common = texts('common')

export type QuotaName = keyof Quota['limits']

export interface QuotaRow {
  name: QuotaName
  label: string
  /** Of 1; more than 1 where more is given out than there is; undefined: there is no limit. */
  share: number | undefined
  /** "3 of 5", "6 of 8 GiB", "no limit on a server, 8 GiB". */
  text: string
}

const cores = (percent: number) => trimmed(percent / 100)
const coresText = (percent: number) => t(percent === 100 ? 'core' : 'cores', { n: cores(percent) })
const sizeText = (n: number) => bytesText(n, true)

/** What is given out, and what there is of it. */
export function quotaRows({ limits, used }: Pick<Quota, 'limits' | 'used'>): QuotaRow[] {
  const row = (
    name: QuotaName,
    have: number | null,
    each: (n: number) => string,
    both: (have: number, most: number) => string,
  ): QuotaRow => {
    const most = limits[name] ?? null
    const head = { name, label: t(`kind.${name}`) }
    if (most === null) return { ...head, share: undefined, text: have === null ? t('no_limit') : each(have) }
    if (have === null)
      return { ...head, share: Number.POSITIVE_INFINITY, text: t('no_limit_of', { most: each(most) }) }
    return {
      ...head,
      share: most > 0 ? have / most : have > 0 ? Number.POSITIVE_INFINITY : 0,
      text: both(have, most),
    }
  }
  const counted = (name: 'servers' | 'ports' | 'subusers' | 'databases' | 'backups') =>
    row(name, used[name], count, (have, most) => common('amount.of', { part: count(have), all: count(most) }))
  const sized = (name: 'memory_bytes' | 'disk_bytes' | 'backup_bytes') =>
    row(name, used[name] ?? null, sizeText, ofText)
  return [
    counted('servers'),
    sized('memory_bytes'),
    sized('disk_bytes'),
    row('cpu_percent', used.cpu_percent ?? null, coresText, (have, most) =>
      t('of_cores', { have: cores(have), most: cores(most) }),
    ),
    counted('ports'),
    counted('subusers'),
    counted('databases'),
    counted('backups'),
    sized('backup_bytes'),
  ]
}

export function hasQuota({ limits }: Pick<Quota, 'limits'>): boolean {
  return Object.values(limits).some((most) => most !== null && most !== undefined)
}

export interface LimitRow {
  name: QuotaName
  label: string
  /** "8 GiB"; undefined: there is no limit. */
  text: string | undefined
}

const KINDS: Array<[name: QuotaName, figure: (n: number) => string, words: (n: number) => string]> = [
  ['servers', count, (n) => t('bound.servers', { n })],
  ['memory_bytes', sizeText, (n) => t('bound.memory_bytes', { size: sizeText(n) })],
  ['disk_bytes', sizeText, (n) => t('bound.disk_bytes', { size: sizeText(n) })],
  ['cpu_percent', coresText, coresText],
  ['ports', count, (n) => t('bound.ports', { n })],
  ['subusers', count, (n) => t('bound.subusers', { n })],
  ['databases', count, (n) => t('bound.databases', { n })],
  ['backups', count, (n) => t('bound.backups', { n })],
  ['backup_bytes', sizeText, (n) => t('bound.backup_bytes', { size: sizeText(n) })],
]

/** A figure for each kind. */
export function limitRows(limits: Quota['limits']): LimitRow[] {
  return KINDS.map(([name, figure]) => {
    const most = limits[name] ?? null
    return { name, label: t(`kind.${name}`), text: most === null ? undefined : figure(most) }
  })
}

const NBSP = '\u00a0'
const listFormat = perLanguage((locale) => new Intl.ListFormat(locale, { type: 'conjunction' }))

/** "3 servers, 8 GiB memory; no limit on disk, CPU and shares". */
export function limitsText(limits: Quota['limits']): string {
  const bound = KINDS.flatMap(([name, , words]) => {
    const most = limits[name] ?? null
    return most === null ? [] : words(most).replaceAll(' ', NBSP)
  })
  const free = KINDS.flatMap(([name]) => ((limits[name] ?? null) === null ? t(`free.${name}`) : []))
  if (bound.length === 0) return t('no_limit')
  if (free.length === 0) return bound.join(', ')
  return t('bound_and_free', { bound: bound.join(', '), free: listFormat().format(free) })
}
