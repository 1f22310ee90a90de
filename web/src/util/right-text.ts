import type { Permission } from '~/api/types'
import { language, texts } from '~/i18n/texts'

const t = texts('permissions')

/** What a right allows. The panel says it in English; what it says of a right that we do not know stays as it is. */
export function rightText({ key, description }: Permission): string {
  const ours = language() === 'en' ? undefined : t.maybe(`right.${key.replace(/[.-]/g, '_')}`)
  return ours ?? description
}

/** Those that have the text in their name or in what they allow. */
export function foundKeys(keys: Permission[], text: string): Permission[] {
  const needle = text.trim().toLowerCase()
  if (needle === '') return keys
  return keys.filter((right) => right.key.includes(needle) || rightText(right).toLowerCase().includes(needle))
}
