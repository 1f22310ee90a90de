import type { Grant, Location, Role } from '~/api/types'
import { ago, id, nodes, servers } from './data'
import { people } from './people'
import { ALL_KEYS, PRESETS } from './permissions'

const operator = PRESETS.find(({ name }) => name === 'operator')?.keys ?? []

let places: Location[] = [
  ['Amsterdam', 'Second data centre, AMS-IX'],
  ['Frankfurt', 'Main data centre, two racks'],
  ['Home lab', ''],
].map(([name = '', description = ''], n) => ({
  id: id(1200 + n),
  version: '1',
  name,
  description,
  nodes: 0,
  created_at: ago(86_400 * (90 - n)),
}))

for (const [name, place] of [
  ['fra-1', 1],
  ['fra-2', 1],
  ['ams-1', 0],
  ['den-1', 2],
] as const) {
  const node = nodes.find((each) => each.name === name)
  if (node) node.location = places[place]?.id ?? null
}

let rows: Role[] = [
  [
    'Support',
    'First line: sees all, starts and stops, reads consoles',
    [...operator, 'person.read', 'node.read'],
  ],
  ['Node keeper', 'Looks after machines', ALL_KEYS.filter((key) => /^(node|location)\./.test(key))],
  [
    'Billing',
    'Makes, suspends and limits servers',
    ['admin.server.create', 'admin.server.limits', 'admin.server.suspend', 'person.read', 'person.create'],
  ],
].map(([name, description, keys], n) => ({
  id: id(1100 + n),
  version: '1',
  name: name as string,
  description: description as string,
  keys: keys as string[],
  second_factor: n === 0,
  grants: 0,
  created_at: ago(86_400 * (80 - n * 9)),
  updated_at: ago(86_400 * (12 - n)),
}))

let given: Grant[] = (
  [
    [1, 0, 'everything', null, null],
    [2, 0, 'location', { id: places[1]!.id, name: 'Frankfurt' }, -86_400 * 21],
    [2, 1, 'node', { id: nodes[2]!.id, name: nodes[2]!.name }, null],
    [3, 0, 'server', { id: servers[3]!.id, name: servers[3]!.name }, -7200],
  ] as const
).map(([person, role, reach, target, ends], n) => ({
  id: id(1300 + n),
  user: { id: people()[person]!.id, name: people()[person]!.username },
  role: { id: rows[role]!.id, name: rows[role]!.name },
  reach,
  target,
  expires_at: ends === null ? null : ago(ends),
  created_at: ago(86_400 * (30 - n * 7)),
}))

export function locations(): Location[] {
  return places
    .map((place) => ({ ...place, nodes: nodes.filter((n) => n.location === place.id).length }))
    .sort((a, b) => a.name.localeCompare(b.name))
}
export function setLocations(next: Location[]): void {
  places = next
}
export function roles(): Role[] {
  return rows
    .map((role) => ({ ...role, grants: given.filter((g) => g.role.id === role.id).length }))
    .sort((a, b) => a.name.localeCompare(b.name))
}
export function setRoles(next: Role[]): void {
  rows = next
}
export function grants(): Grant[] {
  return given
}
export function setGrants(next: Grant[]): void {
  given = next
}
