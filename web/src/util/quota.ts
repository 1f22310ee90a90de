import type { Quota } from '~/api/types'
import { bytesText, count, ofText, trimmed } from '~/util/format'

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
export function quotaRows({ limits, used }: Quota): QuotaRow[] {
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

export function hasQuota({ limits }: Quota): boolean {
  return Object.values(limits).some((most) => most !== null && most !== undefined)
}
