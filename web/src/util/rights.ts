import type { Permission, Preset } from '~/api/types'
import { plural, sentence } from './format'

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

const GROUPS: Record<string, string> = {
  account: 'Own account',
  activity: 'Activity',
  admin: 'Administration',
  api_key: 'API keys',
  audit: 'Audit log',
  allocation: 'Ports',
  backup: 'Backups',
  control: 'Console and power',
  database: 'Databases',
  egg: 'Eggs',
  event_consumer: 'Event consumers',
  file: 'Files',
  location: 'Locations',
  node: 'Nodes',
  person: 'People',
  plan: 'Plans',
  registry: 'Registries',
  role: 'Roles',
  schedule: 'Schedules',
  server: 'The server itself',
  session: 'Sessions',
  settings: 'Settings',
  startup: 'Startup',
  user: 'Access',
  websocket: 'Live view',
}
const SETS: Record<string, string> = {
  server: 'On servers',
  node: 'On nodes',
  egg: 'Eggs',
  person: 'People',
  role: 'Roles',
  admin: 'On the panel',
}

/** What the keys that begin with this word are about. */
export function groupTitle(word: string): string {
  return Object.hasOwn(GROUPS, word) ? (GROUPS[word] ?? word) : sentence(word.replaceAll('_', ' '))
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
    title: SETS[set] ?? sentence(set),
    groups: [...groups].map(([word, held]) => ({ word, title: groupTitle(word), keys: held })),
  }))
}

/** Those that have the text in their name or in what they allow. */
export function foundKeys(keys: Permission[], text: string): Permission[] {
  const needle = text.trim().toLowerCase()
  if (needle === '') return keys
  return keys.filter(
    ({ key, description }) => key.includes(needle) || description.toLowerCase().includes(needle),
  )
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
  return preset ? sentence(preset.name) : `${keys.length} of ${most}`
}

/** "everything", "12 permissions": what an API key was made for. */
export function scopeText(keys: unknown): string | undefined {
  if (keys === null) return 'everything'
  return Array.isArray(keys) ? plural(keys.length, 'permission') : undefined
}

/** "rename" or "console and 3 more": what is lacked, short enough for a hint. */
export function fewOf(names: string[], most = 3): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}

/** "2 added, 1 taken away": what a change of keys comes to; empty for none. */
export function changeText(before: Iterable<string>, after: ReadonlySet<string>): string {
  const had = new Set(before)
  const added = [...after].filter((key) => !had.has(key)).length
  const taken = [...had].filter((key) => !after.has(key)).length
  return [added > 0 && `${added} added`, taken > 0 && `${taken} taken away`].filter(Boolean).join(', ')
}
