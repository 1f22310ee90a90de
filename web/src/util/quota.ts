import type { Quota } from '~/api/types'
import { bytesText, count, ofText, plural, trimmed } from '~/util/format'

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

/** What is given out, and what there is of it. */
export function quotaRows({ limits, used }: Pick<Quota, 'limits' | 'used'>): QuotaRow[] {
  const row = (
    name: QuotaName,
    label: string,
    have: number | null,
    each: (n: number) => string,
    both: (have: number, most: number) => string,
  ): QuotaRow => {
    const most = limits[name] ?? null
    const head = { name, label }
    if (most === null) return { ...head, share: undefined, text: have === null ? 'no limit' : each(have) }
    if (have === null) return { ...head, share: Number.POSITIVE_INFINITY, text: `no limit, of ${each(most)}` }
    return {
      ...head,
      share: most > 0 ? have / most : have > 0 ? Number.POSITIVE_INFINITY : 0,
      text: both(have, most),
    }
  }
  const counted = (name: 'servers' | 'ports' | 'subusers', label: string) =>
    row(name, label, used[name], count, (have, most) => `${count(have)} of ${count(most)}`)
  const sized = (name: 'memory_bytes' | 'disk_bytes', label: string) =>
    row(name, label, used[name] ?? null, (n) => bytesText(n, true), ofText)
  return [
    counted('servers', 'Servers'),
    sized('memory_bytes', 'Memory'),
    sized('disk_bytes', 'Disk'),
    row(
      'cpu_percent',
      'CPU',
      used.cpu_percent ?? null,
      (n) => `${cores(n)} cores`,
      (have, most) => `${cores(have)} of ${cores(most)} cores`,
    ),
    counted('ports', 'Ports'),
    counted('subusers', 'Shares'),
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

const coresText = (percent: number) => `${cores(percent)} ${percent === 100 ? 'core' : 'cores'}`
const KINDS: Array<
  [name: QuotaName, label: string, figure: (n: number) => string, words: (n: number) => string]
> = [
  ['servers', 'Servers', count, (n) => plural(n, 'server')],
  ['memory_bytes', 'Memory', (n) => bytesText(n, true), (n) => `${bytesText(n, true)} memory`],
  ['disk_bytes', 'Disk', (n) => bytesText(n, true), (n) => `${bytesText(n, true)} disk`],
  ['cpu_percent', 'CPU', coresText, coresText],
  ['ports', 'Ports', count, (n) => plural(n, 'port')],
  ['subusers', 'Shares', count, (n) => plural(n, 'share')],
]

/** A figure for each kind. */
export function limitRows(limits: Quota['limits']): LimitRow[] {
  return KINDS.map(([name, label, figure]) => {
    const most = limits[name] ?? null
    return { name, label, text: most === null ? undefined : figure(most) }
  })
}

const NBSP = '\u00a0'

/** "3 servers, 8 GiB memory; no limit on disk, CPU and shares". */
export function limitsText(limits: Quota['limits']): string {
  const bound = KINDS.flatMap(([name, , , words]) => {
    const most = limits[name] ?? null
    return most === null ? [] : words(most).replaceAll(' ', NBSP)
  })
  const free = limitRows(limits).flatMap(({ label, text }) =>
    text !== undefined ? [] : label === 'CPU' ? label : label.toLowerCase(),
  )
  if (bound.length === 0) return 'no limit'
  if (free.length === 0) return bound.join(', ')
  return `${bound.join(', ')}; no limit on ${[free.slice(0, -1).join(', '), free.at(-1)].filter(Boolean).join(' and ')}`
}
