import type { Quota } from '~/api/types'
import { member, type Route } from './answers'
import { people } from './people'
import { planOf, putOn } from './plans'

const GIB = 1024 ** 3

const used = {
  servers: 3,
  memory_bytes: 10 * GIB,
  disk_bytes: 60 * GIB,
  cpu_percent: 450,
  ports: 5,
  subusers: 2,
  databases: 4,
  backups: 6,
  backup_bytes: 12 * 1024 ** 3,
}

const idOf = (n: number) => people()[n]?.id ?? ''
/** Numbers of their own: the admin has none among them, the third person some. */
const own = new Map<string, Quota['limits']>([
  [idOf(0), {}],
  [idOf(2), { servers: 5, memory_bytes: 16 * GIB, disk_bytes: 50 * GIB, cpu_percent: 600, ports: 10 }],
])

function of(id: string): Quota {
  const numbers = own.get(id)
  const plan = numbers ? undefined : planOf(id)
  return {
    version: '1',
    limits: numbers ?? plan?.limits ?? {},
    used: { ...used, cpu_percent: id === idOf(0) ? null : 450 },
    plan: plan ? { id: plan.id, name: plan.name } : null,
    own: numbers !== undefined,
  }
}

export const quotaRoutes: Route[] = [
  ['GET', /^\/account\/quota$/, () => of(idOf(member() ? 1 : 0))],
  ['GET', /^\/users\/([^/]+)\/quota$/, (m) => of(m[1] ?? '')],
  [
    'PUT',
    /^\/users\/([^/]+)\/quota$/,
    (m, body) => {
      const { plan, own: asked, ...numbers } = body as Quota['limits'] & { plan?: string; own?: boolean }
      const id = m[1] ?? ''
      putOn(id, plan)
      own.delete(id)
      if (asked || Object.values(numbers).some((most) => most !== null)) own.set(id, numbers)
      return of(id)
    },
  ],
]
