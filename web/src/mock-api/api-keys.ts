import type { ApiKey } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id } from './data'
import { PRESETS } from './permissions'

const SECRET = 'wrn_usr_7Qk2mVx9T4pEa81ccQwLr0ZpTn5uXy2Fh6k3aB'
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[\da-f:]*:[\da-f:]+)(\/\d+)?$/i

let rows: ApiKey[] = [
  {
    id: id(1403),
    name: 'deploy from CI',
    prefix: 'wrn_usr_Xw81',
    created_at: ago(86_400 * 20),
    last_used_at: ago(30),
    expires_at: ago(-86_400 * 70),
    keys: PRESETS[1]?.keys ?? [],
    addresses: ['192.0.2.7', '2001:db8::/32'],
    requests_per_minute: 120,
  },
  {
    id: id(1402),
    name: 'billing',
    prefix: 'wrn_usr_0pLm',
    created_at: ago(86_400 * 40),
    last_used_at: null,
    expires_at: ago(86_400 * 3),
    keys: ['person.read', 'person.suspend', 'admin.server.suspend', 'moon.land'],
    addresses: ['198.51.100.0/24', '203.0.113.7', '203.0.113.8', '2001:db8:4::/48'],
    requests_per_minute: null,
  },
  {
    id: id(1401),
    name: 'status page',
    prefix: 'wrn_usr_7Qk2',
    created_at: ago(900_000),
    last_used_at: ago(30),
    expires_at: null,
    keys: null,
    addresses: null,
    requests_per_minute: null,
  },
]

export const apiKeyRoutes: Route[] = [
  ['GET', /^\/account\/api-keys$/, () => page(scenario() === 'empty' ? [] : rows)],
  [
    'POST',
    /^\/account\/api-keys$/,
    (_m, body) => {
      const asked = body as Partial<ApiKey> & { name: string }
      const bad = (asked.addresses ?? []).flatMap((address, at) =>
        ADDRESS.test(address)
          ? []
          : [
              {
                field: `addresses.${at}`,
                code: 'invalid',
                message: 'is no address or network like 192.0.2.7 or 2001:db8::/32',
              },
            ],
      )
      if (bad.length > 0) return problem(422, 'invalid', 'Some fields are wrong.', bad)
      const key: ApiKey = {
        id: id(1410 + rows.length),
        name: asked.name,
        prefix: SECRET.slice(0, 12),
        created_at: ago(0),
        last_used_at: null,
        expires_at: asked.expires_at ?? null,
        keys: asked.keys ?? null,
        addresses: asked.addresses ?? null,
        requests_per_minute: asked.requests_per_minute ?? null,
      }
      rows = [key, ...rows]
      return { key, secret: SECRET }
    },
  ],
  [
    'DELETE',
    /^\/account\/api-keys\/([^/]+)$/,
    (m) => {
      rows = rows.filter((row) => row.id !== m[1])
    },
  ],
]
