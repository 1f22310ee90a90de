import type { Grant, Reach } from '~/api/types'

export const REACHES: Array<{ value: Reach; label: string }> = [
  { value: 'everything', label: 'Everything' },
  { value: 'location', label: 'A location' },
  { value: 'node', label: 'A node' },
  { value: 'server', label: 'A server' },
]

/** "over everything", "on the node fra-2". */
export function reachText({ reach, target }: Pick<Grant, 'reach' | 'target'>): string {
  if (reach === 'everything') return 'over everything'
  const place = { location: 'at the location', node: 'on the node', server: 'on the server' }[reach]
  return `${place} ${target?.name ?? 'that is gone'}`
}
