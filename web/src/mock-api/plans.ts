import type { Plan } from '~/api/types'
import { member, page, problem, type Route, scenario } from './answers'
import { ago, id } from './data'

const GIB = 1024 ** 3

let made = 0
let rows: Plan[] = (
  [
    ['Club', 'For communities', false, [5, 16, 50, 600, 10, null]],
    ['Starter', 'What everybody begins with', true, [1, 4, 20, 200, 2, 3]],
    ['Tournament weekend', '', false, [20, 64, null, 3200, null, null]],
    ['Friends of the house', 'As much as there is', false, [null, null, null, null, null, null]],
  ] as const
).map(([name, description, standard, [servers, memory, disk, cpu_percent, ports, subusers]], n) => ({
  id: id(1800 + n),
  version: '1',
  name,
  description,
  standard,
  limits: {
    servers,
    memory_bytes: memory && memory * GIB,
    disk_bytes: disk && disk * GIB,
    cpu_percent,
    ports,
    subusers,
  },
  people: 0,
  created_at: ago(86_400 * (60 - n * 9)),
  updated_at: ago(86_400 * (9 - n)),
}))

/** Who was put on which. */
const on = new Map<string, string>([
  [id(1001), id(1800)],
  [id(1004), id(1802)],
])

export function plans(): Plan[] {
  return rows
    .map((plan) => ({ ...plan, people: [...on.values()].filter((each) => each === plan.id).length }))
    .sort((a, b) => a.name.localeCompare(b.name))
}
export function planOf(person: string): Plan | undefined {
  return plans().find((plan) => (on.has(person) ? plan.id === on.get(person) : plan.standard))
}
export function putOn(person: string, plan: string | undefined): void {
  on.delete(person)
  if (plan) on.set(person, plan)
}

function taken(name: string | undefined, own = '') {
  return (
    rows.some((plan) => plan.id !== own && plan.name.toLowerCase() === name?.toLowerCase()) &&
    problem(422, 'invalid', 'One field is wrong.', [
      { field: 'name', code: 'taken', message: 'another plan has this name' },
    ])
  )
}

export const planRoutes: Route[] = [
  ['GET', /^\/plans$/, () => page(scenario() === 'empty' ? [] : plans())],
  [
    'POST',
    /^\/plans$/,
    (_m, body) => {
      const asked = body as Pick<Plan, 'name' | 'limits'> & Partial<Plan>
      const bad = taken(asked.name)
      if (bad) return bad
      made += 1
      const at = new Date().toISOString()
      const plan = {
        description: '',
        standard: false,
        ...asked,
        version: '1',
        id: id(1850 + made),
        people: 0,
      }
      rows = [...rows, { ...plan, created_at: at, updated_at: at }]
      return rows.at(-1)
    },
  ],
  [
    'PATCH',
    /^\/plans\/([^/]+)$/,
    (m, body) => {
      const asked = body as Partial<Plan>
      if (member())
        return problem(403, 'own_rights', 'this plan bounds your own servers; ask somebody else who may')
      const bad = taken(asked.name, m[1])
      if (bad) return bad
      const at = new Date().toISOString()
      rows = rows.map((plan) => {
        if (plan.id === m[1]) return { ...plan, ...asked, updated_at: at }
        return asked.standard ? { ...plan, standard: false } : plan
      })
      return plans().find((plan) => plan.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/plans\/([^/]+)$/,
    (m) => {
      const people = [...on.values()].filter((plan) => plan === m[1]).length
      if (people > 0)
        return problem(409, 'plan_in_use', `${people} people are on it; put them on another plan first`)
      rows = rows.filter((plan) => plan.id !== m[1])
      return undefined
    },
  ],
]
