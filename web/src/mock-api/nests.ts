import type { Nest } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, eggs, id } from './data'

let made = 0
let rows: Omit<Nest, 'eggs'>[] = (
  [
    ['Minecraft', 'All that speaks its protocol'],
    ['Builders', ''],
    ['Voice', 'Not a game, but asked for'],
  ] as const
).map(([name, description], n) => ({
  id: id(1900 + n),
  name,
  description,
  created_at: ago(86_400 * (40 - n)),
  updated_at: ago(86_400 * (4 + n)),
}))

function nests(): Nest[] {
  const held = (nest: string) => eggs.filter((egg) => egg.nest?.id === nest).length
  return rows.map((nest) => ({ ...nest, eggs: held(nest.id) })).sort((a, b) => a.name.localeCompare(b.name))
}

function taken(name: string | undefined, own = '') {
  const other = rows.find((nest) => nest.id !== own && nest.name.toLowerCase() === name?.toLowerCase())
  return (
    other &&
    problem(422, 'invalid', 'One field is wrong.', [
      { field: 'name', code: 'taken', message: 'another nest has this name' },
    ])
  )
}

export const nestRoutes: Route[] = [
  ['GET', /^\/nests$/, () => page(scenario() === 'empty' ? [] : nests())],
  [
    'POST',
    /^\/nests$/,
    (_m, body) => {
      const asked = body as Pick<Nest, 'name' | 'description'>
      const bad = taken(asked.name)
      if (bad) return bad
      made += 1
      rows = [...rows, { ...asked, id: id(1950 + made), created_at: ago(0), updated_at: ago(0) }]
      return nests().find(({ name }) => name === asked.name)
    },
  ],
  [
    'PATCH',
    /^\/nests\/([^/]+)$/,
    (m, body) => {
      const asked = body as Partial<Nest>
      const bad = taken(asked.name, m[1])
      if (bad) return bad
      rows = rows.map((nest) => (nest.id === m[1] ? { ...nest, ...asked } : nest))
      for (const egg of eggs)
        if (egg.nest && egg.nest.id === m[1]) egg.nest = { ...egg.nest, name: asked.name ?? egg.nest.name }
      return nests().find((nest) => nest.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/nests\/([^/]+)$/,
    (m) => {
      const held = eggs.filter((egg) => egg.nest?.id === m[1]).length
      if (held > 0)
        return problem(
          409,
          'nest_in_use',
          `${held} eggs are in it; move them to another nest first, or out of any`,
        )
      rows = rows.filter((nest) => nest.id !== m[1])
      return undefined
    },
  ],
  [
    'PATCH',
    /^\/eggs\/([^/]+)$/,
    (m, body) => {
      const egg = eggs.find((each) => each.id === m[1])
      if (!egg) return problem(404, 'not_found', 'egg not found')
      const { nest } = body as { nest?: string }
      const to = rows.find((each) => each.id === nest)
      if (nest !== undefined) egg.nest = to ? { id: to.id, name: to.name } : null
      return egg
    },
  ],
]
