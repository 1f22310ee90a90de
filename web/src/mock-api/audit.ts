import type { AuditRow } from '~/api/types'
import { member, page, problem, type Route, scenario } from './answers'
import { ago, eggs, id, nodes, servers } from './data'
import { people } from './people'
import { plans } from './plans'
import { locations, roles } from './roles'

const GIB = 1024 ** 3
const HOME = '203.0.113.9'
const named = (of: { id: string; name: string } | undefined) => (of ? { id: of.id, name: of.name } : null)
const person = (n: number) => ({ id: people()[n]!.id, name: people()[n]!.username })
const user = (n: number): AuditRow['actor'] => ({ kind: 'user', user: person(n), by: null })
const key = (n: number, name: string): AuditRow['actor'] => ({
  kind: 'api_key',
  user: person(n),
  by: { id: id(1400), name },
})
const node = (n: number): AuditRow['actor'] => ({ kind: 'node', user: null, by: named(nodes[n]) })
const PANEL: AuditRow['actor'] = { kind: 'system', user: null, by: null }
const NOBODY: AuditRow['actor'] = { kind: 'nobody', user: null, by: null }

type On = [resource: string, id: string | null, server?: number]
const at = (n: number): On => ['server', servers[n]?.id ?? null, n]
const who = (n: number): On => ['user', person(n).id]

/** One of each kind; under `?mock=many` again and again, further back each time. */
const TOLD: Array<[ago: number, actor: AuditRow['actor'], action: string, on: On, diff: AuditRow['diff']]> = [
  [35, user(0), 'control.restart', at(0), { action: 'restart', generation: 44 }],
  [110, user(1), 'control.console', at(0), { run: id(43), bytes: 27 }],
  [
    420,
    key(2, 'deploy from CI'),
    'file.update',
    at(0),
    { path: '/plugins/LuckPerms/config.yml', bytes: 18_204 },
  ],
  [
    900,
    user(0),
    'server.update',
    at(0),
    {
      limits: {
        from: { memory_bytes: 4 * GIB, swap_bytes: 0, disk_bytes: 20 * GIB, cpu_percent: 200 },
        to: { memory_bytes: 6 * GIB, swap_bytes: 0, disk_bytes: 0, cpu_percent: 300 },
      },
      startup: {
        from: 'java -Xms128M -jar {{SERVER_JARFILE}}',
        to: 'java -Xms128M -XX:MaxRAMPercentage=95.0 -jar {{SERVER_JARFILE}} nogui',
      },
      variables: ['MINECRAFT_VERSION', 'MAX_PLAYERS'],
    },
  ],
  [1500, user(0), 'server.update', at(3), { name: { from: 'Factory', to: servers[3]?.name } }],
  [
    2600,
    user(2),
    'file.update',
    at(1),
    {
      path: '/<img src=x onerror=alert(1)>/\u202egpj.exe',
      bytes: 12,
    },
  ],
  [2700, user(2), 'file.delete', at(1), { delete: ['/world_old', '/logs/2026-10-02.log.gz', '/cache'] }],
  [
    3900,
    user(0),
    'user.update',
    ['user', person(4).id, 1],
    {
      given: ['file.read', 'file.read-content'],
      taken: ['control.console'],
      expires_at_ms: { from: null, to: Date.parse(ago(-86_400 * 12)) },
    },
  ],
  [
    5400,
    user(0),
    'role.grant',
    who(2),
    { role: roles()[0]?.id, what: 'given', reach: 'node', target: nodes[2]?.id, expires_at_ms: null },
  ],
  [
    7300,
    user(0),
    'role.update',
    ['role', roles()[2]?.id ?? null],
    { name: { from: 'Support', to: 'Support' }, given: ['person.read', 'node.read'], taken: [] },
  ],
  [
    9000,
    node(3),
    'node.join',
    ['node', nodes[3]?.id ?? null],
    { token: id(1500), rejoined: true, hostname: 'sgp-1.example.net' },
  ],
  [9100, user(0), 'node.create', ['join_token', id(1500)], { name: 'sgp-1', uses: 1, expires_in_s: 3600 }],
  [
    11_000,
    user(0),
    'node.update',
    ['node', nodes[2]?.id ?? null],
    {
      name: null,
      location: { from: null, to: locations()[0]?.id },
      player_address: '198.51.100.7',
      port_range: null,
    },
  ],
  [14_000, user(1), 'control.stop', at(7), { action: 'kill', generation: 12 }],
  [
    20_000,
    PANEL,
    'event_consumer.end',
    ['event_consumer', id(1600)],
    { because: 'its owner may no longer read these servers' },
  ],
  [
    21_000,
    user(0),
    'person.suspend',
    who(3),
    { suspended: { from: false, to: true }, reason: { from: null, to: 'Unpaid since October' } },
  ],
  [
    22_000,
    user(0),
    'audit.read',
    ['audit', null],
    { export: 'csv', user: null, server: null, action: 'session.', from: null, to: null },
  ],
  [
    22_100,
    user(0),
    'plan.update',
    ['plan', plans()[0]?.id ?? null],
    { memory_bytes: { from: 8 * GIB, to: 16 * GIB }, subusers: { from: 10, to: null } },
  ],
  [22_200, user(0), 'plan.update', ['plan', plans()[1]?.id ?? null], { standard: { from: false, to: true } }],
  [
    22_300,
    user(0),
    'person.quota',
    who(1),
    { servers: { from: 1, to: 5 }, plan: { from: 'own', to: plans()[0]?.name } },
  ],
  [22_400, user(0), 'person.quota', who(2), { memory_bytes: { from: null, to: 0 } }],
  [23_000, NOBODY, 'session.refused', who(1), { wrong: 'password' }],
  [23_100, NOBODY, 'session.refused', ['user', null], { wrong: 'password' }],
  [23_200, NOBODY, 'api_key.refused', ['api_key', id(1401)], null],
  [23_300, NOBODY, 'account.password', who(2), { by: 'link' }],
  [23_400, NOBODY, 'password_link.create', who(2), null],
  [24_000, user(0), 'account.second_factor', who(0), { on: { from: false, to: true } }],
  [24_100, user(0), 'account.recovery_codes', who(0), null],
  [25_000, user(0), 'person.second_factor', who(2), { on: { from: true, to: false } }],
  [26_000, user(0), 'session.create', ['session', id(1)], { second_factor: 'app' }],
  [26_100, user(0), 'session.create', ['session', id(1)], { passkey: 'Mira’s phone' }],
  [26_150, user(0), 'session.create', ['session', id(2)], { provider: 'Acme ID' }],
  [
    26_160,
    user(0),
    'account.login.create',
    ['login', id(1601)],
    { provider: 'Acme ID', name: 'mira@acme.example.net' },
  ],
  [26_200, user(0), 'account.passkey.create', ['passkey', id(1502)], { name: 'Mira’s phone' }],
  [
    31_000,
    user(3),
    'api_key.create',
    ['api_key', id(1401)],
    {
      name: 'status page',
      expires_at_ms: null,
      keys: ['server.read', 'websocket.connect'],
      addresses: ['192.0.2.7', '2001:db8::/32'],
      per_minute: 60,
    },
  ],
  [
    40_000,
    user(0),
    'person.create',
    who(5),
    { username: 'hollis', email: 'hollis@example.net', admin: false, invited: true },
  ],
  [
    52_000,
    user(0),
    'admin.server.create',
    at(8),
    {
      name: servers[8]?.name,
      egg: eggs[2]?.id,
      node: nodes[0]?.id,
      owner: person(3).id,
      limits: { memory_bytes: 4 * GIB, swap_bytes: 0, disk_bytes: 20 * GIB, cpu_percent: 200, cpuset: null },
    },
  ],
  [60_000, user(0), 'settings.reinstall', at(8), { wipe: true, operation: id(702) }],
  [
    75_000,
    user(0),
    'registry.update',
    ['registry', id(1700)],
    { host: 'ghcr.io', username: 'warren-pull', credential: 'changed' },
  ],
  [
    90_000,
    user(0),
    'person.delete',
    ['user', id(1999)],
    { username: 'old-helper', email: 'old-helper@example.net' },
  ],
]

function rows(): AuditRow[] {
  const again = scenario() === 'many' ? 20 : 1
  const log = Array.from({ length: again }, (_, round) =>
    TOLD.map(([seconds, actor, action, [resource, resource_id, server], diff], n): AuditRow => {
      const on = server === undefined ? undefined : servers[server]
      return {
        id: id(9_000_000 - round * TOLD.length - n),
        at: ago(seconds + round * 100_000),
        actor,
        action,
        resource,
        resource_id,
        server: named(on),
        address: ['user', 'api_key', 'nobody'].includes(actor.kind) ? HOME : null,
        diff,
      }
    }),
  )
  return log.flat()
}

function answer(all: AuditRow[], url: URL) {
  const { user: by, server, action, from, to, cursor, limit } = Object.fromEntries(url.searchParams)
  const fit = all
    .filter((row) => !by || row.actor.user?.id === by)
    .filter((row) => !server || row.server?.id === server)
    .filter(
      (row) => !action || (action.endsWith('.') ? row.action.startsWith(action) : row.action === action),
    )
    .filter((row) => (!from || row.at >= from) && (!to || row.at < to) && (!cursor || row.id < cursor))
  const items = fit.slice(0, Number(limit ?? 50))
  return { ...page(items), next: fit.length > items.length ? (items.at(-1)?.id ?? null) : null }
}

export const auditRoutes: Route[] = [
  [
    'GET',
    /^\/audit$/,
    (_m, _b, url) => {
      if (member()) return problem(403, 'forbidden', 'you lack audit.read on the panel; ask an admin for it')
      return answer(scenario() === 'empty' ? [] : rows(), url)
    },
  ],
  [
    'GET',
    /^\/servers\/([^/]+)\/activity$/,
    (m, _b, url) => {
      const mine = rows().filter((row) => row.server?.id === m[1])
      // Others' addresses are for those who read the whole log.
      return answer(
        mine.map((row) => (member() && row.actor.user?.name !== 'tomasz' ? { ...row, address: null } : row)),
        url,
      )
    },
  ],
]
