import type { AuditRow } from '~/api/types'
import { texts } from '~/i18n/texts'

const t = texts('things')

/** Something that an entry of the log names by its id. */
export interface Thing {
  kind: 'server' | 'person' | 'role' | 'node' | 'egg' | 'nest' | 'mount' | 'location' | 'plan'
  name: string
  /** It is there, and the reader may see it: it can be linked to. */
  stands: boolean
}
export type Things = ReadonlyMap<string, Thing>

const KINDS = new Map<string, Thing['kind']>([
  ['server', 'server'],
  ['user', 'person'],
  ['role', 'role'],
  ['node', 'node'],
  ['egg', 'egg'],
  ['nest', 'nest'],
  ['mount', 'mount'],
  ['location', 'location'],
  ['plan', 'plan'],
])

/** What an entry is about, where it is something with a page and known. */
export function subjectOf(
  { resource, resource_id }: Pick<AuditRow, 'resource' | 'resource_id'>,
  things: Things,
): Thing | undefined {
  const thing = resource_id === null ? undefined : things.get(resource_id)
  return thing && thing.kind === KINDS.get(resource) ? thing : undefined
}

/** "join token": what kind of thing an entry is about. */
export function nounOf(resource: string): string {
  return t.maybe(`noun.${resource}`) ?? resource.replaceAll('_', ' ')
}

function ids(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.filter((each) => typeof each === 'string')
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).filter((each) => typeof each === 'string')
}

/** Ids of the people that the rows are by, about or speak of. */
export function peopleIn(rows: AuditRow[]): Set<string> {
  const found = new Set<string>()
  for (const { actor, resource, resource_id, diff } of rows) {
    if (actor.user) found.add(actor.user.id)
    if (resource === 'user' && resource_id) found.add(resource_id)
    for (const id of [...ids(diff?.owner), ...ids(diff?.people)]) found.add(id)
  }
  return found
}

/** What the rows are about and speak of, beside people: a list is read only where it names something. */
export function nounsIn(rows: AuditRow[]): Set<string> {
  const found = new Set<string>()
  for (const { actor, resource, server, diff } of rows) {
    found.add(resource).add(actor.kind)
    if (server) found.add('server')
    for (const field of Object.keys(diff ?? {})) found.add(field)
  }
  return found
}

/** A name that the entry itself tells: of something that was made, renamed or removed. */
export function toldName({ diff }: Pick<AuditRow, 'diff'>): string | undefined {
  for (const field of ['name', 'host', 'username']) {
    const told = diff?.[field]
    if (typeof told === 'string') return told
    if (typeof told === 'object' && told !== null && 'to' in told && typeof told.to === 'string')
      return told.to
  }
  return undefined
}
