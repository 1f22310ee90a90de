import type { Grant, Reach } from '~/api/types'
import { texts } from '~/i18n/texts'

const t = texts('rights')

const REACHES: Reach[] = ['everything', 'location', 'node', 'server']

/** All of them, to choose from. */
export function reaches(): Array<{ value: Reach; label: string }> {
  return REACHES.map((value) => ({ value, label: t(`reach.${value}`) }))
}

/** "over everything", "on the node fra-2". */
export function reachText({ reach, target }: Pick<Grant, 'reach' | 'target'>): string {
  if (reach === 'everything') return t('over.everything')
  return target ? t(`over.${reach}`, { name: target.name }) : t(`over.${reach}_gone`)
}
