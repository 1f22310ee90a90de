import type { Permission, Preset } from '~/api/types'
import { texts } from '~/i18n/texts'
import { sentence } from './format'

const t = texts('rights')

/** Whoever has any other right on a server has this one too. */
export const SEES_SERVER = 'server.read'

export interface KeyGroup {
  word: string
  title: string
  keys: Permission[]
}
export interface KeySection {
  set: string
  title: string
  groups: KeyGroup[]
}

/** What the keys that begin with this word are about. */
export function groupTitle(word: string): string {
  return t.maybe(`group.${word}`) ?? sentence(word.replaceAll('_', ' '))
}

/** Keys by what they are about and, within it, by their first word; both in the order in which they come. */
export function sectionsOf(keys: Permission[]): KeySection[] {
  const sections = new Map<string, Map<string, Permission[]>>()
  for (const permission of keys) {
    const word = permission.key.split('.', 1)[0] ?? permission.key
    const groups = sections.get(permission.set) ?? new Map<string, Permission[]>()
    groups.set(word, [...(groups.get(word) ?? []), permission])
    sections.set(permission.set, groups)
  }
  return [...sections].map(([set, groups]) => ({
    set,
    title: t.maybe(`set.${set}`) ?? sentence(set),
    groups: [...groups].map(([word, held]) => ({ word, title: groupTitle(word), keys: held })),
  }))
}

/** What is asked for beyond what one has: nobody gives that. */
export function lackedOf(keys: Iterable<string>, mine: ReadonlySet<string>): string[] {
  return [...keys].filter((key) => !mine.has(key))
}

function sameRights(a: Iterable<string>, b: Iterable<string>): boolean {
  const left = new Set([...a, SEES_SERVER])
  const right = new Set([...b, SEES_SERVER])
  return left.size === right.size && [...left].every((key) => right.has(key))
}

/** The preset that holds exactly these keys. */
export function presetOf(keys: Iterable<string>, presets: Preset[]): Preset | undefined {
  const held = [...keys]
  return held.length === 0 ? undefined : presets.find((preset) => sameRights(preset.keys, held))
}

/** "Developer", or "12 of 46" where no preset fits. */
export function rightsText(keys: string[], presets: Preset[], most: number): string {
  const preset = presetOf(keys, presets)
  return preset ? sentence(preset.name) : t('share', { n: keys.length, most })
}

/** "everything", "12 permissions": what an API key was made for. */
export function scopeText(keys: unknown): string | undefined {
  if (keys === null) return t('scope.all')
  return Array.isArray(keys) ? t('scope.some', { n: keys.length }) : undefined
}

/** "rename" or "console and 3 more": what is lacked, short enough for a hint. */
export function fewOf(names: string[], most = 3): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? t('few', { names: shown, n: names.length - most }) : shown
}

/** "2 added, 1 taken away": what a change of keys comes to; empty for none. */
export function changeText(before: Iterable<string>, after: ReadonlySet<string>): string {
  const had = new Set(before)
  const added = [...after].filter((key) => !had.has(key)).length
  const taken = [...had].filter((key) => !after.has(key)).length
  if (added > 0 && taken > 0) return t('change.both', { added, taken })
  if (added > 0) return t('change.added', { added })
  return taken > 0 ? t('change.taken', { taken }) : ''
}

/** What a form with a name and rights still wants. */
export function missingText(name: boolean, right: boolean): string | undefined {
  if (name && right) return undefined
  return t(`missing.${name ? 'right' : right ? 'name' : 'name_right'}`)
}
