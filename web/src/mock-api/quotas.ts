import type { Quota } from '~/api/types'
import { member, type Route } from './answers'
import { people } from './people'

const GIB = 1024 ** 3

const set = new Map<string, Quota['limits']>()

const used = {
  servers: 3,
  memory_bytes: 10 * GIB,
  disk_bytes: 60 * GIB,
  cpu_percent: 450,
  ports: 5,
  subusers: 2,
}
const limits = {
  servers: 5,
  memory_bytes: 16 * GIB,
  disk_bytes: 50 * GIB,
  cpu_percent: 600,
  ports: 10,
  subusers: null,
}

/** The second person has one from the beginning. */
function of(id: string): Quota {
  const first = people()[1]?.id === id ? limits : {}
  return { limits: set.get(id) ?? first, used: { ...used, cpu_percent: id === people()[0]?.id ? null : 450 } }
}

export const quotaRoutes: Route[] = [
  ['GET', /^\/account\/quota$/, () => ({ limits: member() ? limits : {}, used })],
  ['GET', /^\/users\/([^/]+)\/quota$/, (m) => of(m[1] ?? '')],
  [
    'PUT',
    /^\/users\/([^/]+)\/quota$/,
    (m, body) => {
      set.set(m[1] ?? '', body as Quota['limits'])
      return of(m[1] ?? '')
    },
  ],
]
