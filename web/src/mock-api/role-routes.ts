import type { Role } from '~/api/types'
import { page, problem, type Route } from './answers'
import { id } from './data'
import { grants, roles, setGrants, setRoles } from './roles'

let made = 0

function taken(name: string | undefined, own = '') {
  const other = roles().find((r) => r.id !== own && r.name.toLowerCase() === name?.toLowerCase())
  return (
    other &&
    problem(422, 'invalid', 'One field is wrong.', [
      { field: 'name', code: 'taken', message: 'another role has this name' },
    ])
  )
}

export const roleRoutes: Route[] = [
  [
    'POST',
    /^\/roles$/,
    (_m, body) => {
      const asked = body as Pick<Role, 'name' | 'description' | 'keys' | 'second_factor'>
      const bad = taken(asked.name)
      if (bad) return bad
      made += 1
      const at = new Date().toISOString()
      const role = { ...asked, version: '1', id: id(1150 + made), grants: 0, created_at: at, updated_at: at }
      setRoles([...roles(), role])
      return role
    },
  ],
  [
    'GET',
    /^\/roles\/([^/]+)$/,
    (m) => roles().find((r) => r.id === m[1]) ?? problem(404, 'not_found', 'role not found'),
  ],
  [
    'PATCH',
    /^\/roles\/([^/]+)$/,
    (m, body) => {
      const asked = body as Partial<Role>
      const bad = taken(asked.name, m[1])
      if (bad) return bad
      const updated_at = new Date().toISOString()
      setRoles(roles().map((r) => (r.id === m[1] ? { ...r, ...asked, updated_at } : r)))
      return roles().find((r) => r.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/roles\/([^/]+)$/,
    (m) => {
      setRoles(roles().filter((r) => r.id !== m[1]))
      setGrants(grants().filter((g) => g.role.id !== m[1]))
    },
  ],
  ['GET', /^\/roles\/([^/]+)\/grants$/, (m) => page(grants().filter((g) => g.role.id === m[1]))],
]
