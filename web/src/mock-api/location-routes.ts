import type { Location, Node } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id, nodes } from './data'
import { grants, locations, setLocations } from './roles'

let made = 0

function taken(name: string | undefined, own = '') {
  const other = locations().find((l) => l.id !== own && l.name.toLowerCase() === name?.toLowerCase())
  return (
    other &&
    problem(422, 'invalid', 'One field is wrong.', [
      { field: 'name', code: 'taken', message: 'another location has this name' },
    ])
  )
}

export const locationRoutes: Route[] = [
  ['GET', /^\/locations$/, () => page(scenario() === 'empty' ? [] : locations())],
  [
    'POST',
    /^\/locations$/,
    (_m, body) => {
      const asked = body as Pick<Location, 'name' | 'description'>
      const bad = taken(asked.name)
      if (bad) return bad
      made += 1
      const location = { ...asked, version: '1', id: id(1250 + made), nodes: 0, created_at: ago(0) }
      setLocations([...locations(), location])
      return location
    },
  ],
  [
    'PATCH',
    /^\/locations\/([^/]+)$/,
    (m, body) => {
      const asked = body as Partial<Location>
      const bad = taken(asked.name, m[1])
      if (bad) return bad
      setLocations(locations().map((l) => (l.id === m[1] ? { ...l, ...asked } : l)))
      return locations().find((l) => l.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/locations\/([^/]+)$/,
    (m) => {
      const over = grants().filter((g) => g.target?.id === m[1]).length
      if (over > 0)
        return problem(
          409,
          'location_in_use',
          `0 node(s) stand there and ${over} role(s) are given over it; move and take them away first`,
        )
      setLocations(locations().filter((l) => l.id !== m[1]))
      return undefined
    },
  ],
  [
    'PATCH',
    /^\/nodes\/([^/]+)$/,
    (m, body) => {
      const node = nodes.find((each) => each.id === m[1])
      if (!node) return problem(404, 'not_found', 'node not found')
      const { location, ...rest } = body as Partial<Node>
      Object.assign(node, rest, location === undefined ? {} : { location: location || null })
      return node
    },
  ],
]
