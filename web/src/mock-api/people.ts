import type { Person } from '~/api/types'
import { ago, id } from './data'

const ROWS: Array<[name: string, admin: boolean, servers: number, seen: number | null]> = [
  ['mira', true, 9, 40],
  ['tomasz', false, 6, 5400],
  ['noor', false, 4, 300],
  ['arena', false, 3, 86_400 * 2],
  ['jule', false, 3, 86_400 * 20],
  ['hollis', false, 0, null],
]

let rows: Person[] = ROWS.map(([username, admin, servers, seen], n) => ({
  id: id(1000 + n),
  version: '1',
  username,
  email: `${username}@example.net`,
  admin,
  servers,
  roles: [],
  must_change_password: seen === null,
  second_factor: n % 2 === 0 && seen !== null,
  suspended: n === 3 ? { since: ago(86_400 * 9), reason: 'Unpaid since October' } : null,
  last_seen_at: seen === null ? null : ago(seen),
  created_at: ago(86_400 * (400 - n * 37)),
}))

export function people(): Person[] {
  return rows
}
export function setPeople(next: Person[]): void {
  rows = next
}
