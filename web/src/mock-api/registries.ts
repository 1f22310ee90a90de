import type { Registry } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id } from './data'

let registries: Registry[] = [
  {
    id: id(950),
    version: '1',
    host: 'ghcr.io',
    username: 'warren-puller',
    created_at: ago(86_400 * 60),
    updated_at: ago(86_400 * 12),
  },
  {
    id: id(951),
    version: '1',
    host: 'registry.example.net:5000',
    username: '',
    created_at: ago(5400),
    updated_at: ago(5400),
  },
]
let made = 0

interface Body {
  host: string
  username: string
  password: string
}

function refused({ username }: Body) {
  return username.includes(':')
    ? problem(422, 'invalid', 'One field is wrong.', [
        { field: 'username', code: 'invalid', message: 'must hold neither a colon nor control characters' },
      ])
    : undefined
}

export const registryRoutes: Route[] = [
  ['GET', /^\/registries$/, () => page(scenario() === 'empty' ? [] : registries)],
  [
    'POST',
    /^\/registries$/,
    (_m, body) => {
      const asked = body as Body
      if (!/^[\w.-]+(:\d+)?$/.test(asked.host))
        return problem(422, 'invalid', 'One field is wrong.', [
          {
            field: 'host',
            code: 'invalid',
            message:
              "must be a host as it stands in front of an image's name: ghcr.io, registry.example:5000",
          },
        ])
      if (registries.some((r) => r.host === asked.host))
        return problem(409, 'registry_exists', `${asked.host} has a credential already; change that one`)
      made += 1
      const at = new Date().toISOString()
      const row = {
        id: id(960 + made),
        version: '1',
        host: asked.host,
        username: asked.username,
        created_at: at,
        updated_at: at,
      }
      const bad = refused(asked)
      if (bad) return bad
      registries = [...registries, row].sort((a, b) => a.host.localeCompare(b.host))
      return row
    },
  ],
  [
    'PUT',
    /^\/registries\/([^/]+)$/,
    (m, body) => {
      const bad = refused(body as Body)
      if (bad) return bad
      registries = registries.map((r) =>
        r.id === m[1] ? { ...r, username: (body as Body).username, updated_at: new Date().toISOString() } : r,
      )
      return registries.find((r) => r.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/registries\/([^/]+)$/,
    (m) => {
      registries = registries.filter((r) => r.id !== m[1])
    },
  ],
]
