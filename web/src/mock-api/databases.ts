import type { Database, DatabaseHost, HostedDatabase } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id, nodes, servers } from './data'

let hosts: DatabaseHost[] = [
  {
    id: id(970),
    version: '1',
    name: 'db-fra-1',
    engine: 'mariadb',
    address: '10.0.0.5',
    port: 3306,
    public_address: 'db.example.net',
    public_port: null,
    username: 'warren',
    tls: 'off',
    ca_pem: null,
    most_databases: 50,
    most_connections: 20,
    nodes: [],
    locations: [],
    databases: 3,
    troubled: 1,
    created_at: ago(86_400 * 40),
    updated_at: ago(86_400 * 9),
  },
  {
    id: id(971),
    version: '1',
    name: 'pg-hel-1',
    engine: 'postgresql',
    address: 'pg.internal',
    port: 5432,
    public_address: null,
    public_port: null,
    username: 'warren',
    tls: 'verify',
    ca_pem: null,
    most_databases: null,
    most_connections: null,
    nodes: nodes.slice(0, 1).map((node) => node.id),
    locations: [],
    databases: 1,
    troubled: 0,
    created_at: ago(86_400 * 12),
    updated_at: ago(86_400 * 12),
  },
]

const shown = ({ id, name, engine, address, port, public_address, public_port }: DatabaseHost) => ({
  id,
  name,
  engine,
  address: public_address ?? address,
  port: public_port ?? port,
})

function row(n: number, tag: string, end: string, more: Partial<Database> = {}): Database {
  return {
    id: id(980 + n),
    name: `w${tag}_${end}`,
    username: `u${tag}`,
    host: shown(hosts[0]!),
    connections_from: '%',
    most_connections: 20,
    state: 'ready',
    problem: null,
    created_at: ago(86_400 * (30 - n)),
    ...more,
  }
}

let databases: Database[] = [
  row(0, '5k2p9x0tq3', 'luckperms'),
  row(1, '8r1c4m7vha', 'coreprotect', { connections_from: '10.0.%' }),
  row(2, 'q0z6n3bd2y', 'stats', {
    state: 'creating',
    problem: {
      code: 'unreachable',
      detail: 'the database host does not answer at the moment. It is asked again by itself.',
      retry_at: new Date(Date.now() + 45_000).toISOString(),
    },
    created_at: ago(200),
  }),
]
let made = 0

const of = (found: string | undefined) =>
  databases.find((each) => each.id === found) ?? problem(404, 'not_found', 'database not found')

const hosted = (): HostedDatabase[] => [
  ...databases.map((each) => ({
    id: each.id,
    name: each.name,
    username: each.username,
    server: { id: servers[0]!.id, name: servers[0]!.name },
    orphaned: false,
    state: each.state,
    problem: each.problem?.code ?? null,
    problem_detail: each.problem ? 'Connection refused (os error 111)' : null,
    failures: each.problem ? 4 : 0,
    retry_at: each.problem?.retry_at ?? null,
    created_at: each.created_at,
  })),
  {
    id: id(989),
    name: 'wz7h2k5d1ae_old',
    username: 'uz7h2k5d1ae',
    server: { id: id(77), name: 'creative-2024' },
    orphaned: true,
    state: 'dropping',
    problem: 'credentials',
    problem_detail: "Access denied for user 'warren'@'10.0.0.2' (using password: YES)",
    failures: 9,
    retry_at: new Date(Date.now() + 200_000).toISOString(),
    created_at: ago(86_400 * 200),
  },
]

export const databaseRoutes: Route[] = [
  ['GET', /^\/servers\/([^/]+)\/databases$/, () => page(scenario() === 'empty' ? [] : databases)],
  [
    'GET',
    /^\/servers\/([^/]+)\/database-hosts$/,
    () =>
      page(
        hosts.map((host) => ({
          ...shown(host),
          full: host.most_databases !== null && host.databases >= (host.most_databases ?? 0),
          most_connections: host.most_connections,
        })),
      ),
  ],
  [
    'POST',
    /^\/servers\/([^/]+)\/databases$/,
    (_m, body) => {
      const asked = body as { name: string | null; host: string | null; connections_from: string | null }
      if (asked.name === 'full')
        return problem(409, 'database_host_full', 'the database host takes no more; choose another')
      made += 1
      const host = hosts.find((each) => each.id === asked.host) ?? hosts[0]!
      const added = row(20 + made, `m0c${made}m0c${made}m0`, asked.name ?? 'k3x9q2', {
        host: shown(host),
        connections_from: asked.connections_from ?? '%',
        created_at: new Date().toISOString(),
      })
      databases = [...databases, added]
      return added
    },
  ],
  ['POST', /^\/servers\/[^/]+\/databases\/([^/]+)\/rotate$/, (m) => of(m[1])],
  [
    'GET',
    /^\/servers\/[^/]+\/databases\/([^/]+)\/connection$/,
    (m) => {
      const found = of(m[1])
      if (found instanceof Response) return found
      const { name, username, host } = found
      const scheme = host.engine === 'postgresql' ? 'postgresql' : 'mysql'
      const password = 'h7Qw2LmZ9xTc4RkVb1NfYs8DgJp3EaUo'
      const at = `${host.address}:${host.port}/${name}`
      return {
        ...host,
        database: name,
        username,
        password,
        jdbc: `jdbc:${host.engine}://${at}?user=${username}&password=${password}`,
        url: `${scheme}://${username}:${password}@${at}`,
      }
    },
  ],
  [
    'DELETE',
    /^\/servers\/[^/]+\/databases\/([^/]+)$/,
    (m) => {
      const found = of(m[1])
      databases = databases.filter((each) => each !== found)
      return found instanceof Response ? found : { ...found, state: 'dropping' }
    },
  ],
  ['GET', /^\/database-hosts$/, () => page(scenario() === 'empty' ? [] : hosts)],
  [
    'POST',
    /^\/database-hosts$/,
    (_m, body) => {
      const asked = body as DatabaseHost & { password: string }
      if (hosts.some((host) => host.name === asked.name))
        return problem(422, 'invalid', 'One field is wrong.', [
          { field: 'name', code: 'taken', message: 'another database host has this name' },
        ])
      const { password: _, ...rest } = asked
      const at = new Date().toISOString()
      const host = {
        ...rest,
        id: id(975 + hosts.length),
        databases: 0,
        troubled: 0,
        created_at: at,
        updated_at: at,
      }
      hosts = [...hosts, host]
      return host
    },
  ],
  [
    'PUT',
    /^\/database-hosts\/([^/]+)$/,
    (m, body) => {
      const { password: _, ...rest } = body as DatabaseHost & { password: string }
      hosts = hosts.map((host) => (host.id === m[1] ? { ...host, ...rest } : host))
      return hosts.find((host) => host.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/database-hosts\/([^/]+)$/,
    (m) => {
      hosts = hosts.filter((host) => host.id !== m[1])
    },
  ],
  [
    'POST',
    /^\/database-hosts\/([^/]+)\/test$/,
    (m) =>
      hosts.find((host) => host.id === m[1])?.engine === 'postgresql'
        ? {
            ok: false,
            code: 'privileges',
            detail: 'the account lacks: CREATEROLE',
            version: 'PostgreSQL 15.14',
            connect_ms: 31,
            latency_ms: 2,
            missing: ['CREATEROLE'],
            warnings: [
              'every account may connect to postgres, template1: REVOKE CONNECT ON DATABASE … FROM PUBLIC keeps games out of there',
            ],
          }
        : {
            ok: true,
            code: null,
            detail: 'the host is there, and databases can be made on it',
            version: '10.11.14-MariaDB-0+deb12u2',
            connect_ms: 12,
            latency_ms: 1,
            missing: [],
            warnings: [],
          },
  ],
  ['GET', /^\/database-hosts\/([^/]+)\/databases$/, () => page(hosted())],
  ['DELETE', /^\/database-hosts\/[^/]+\/databases\/[^/]+$/, () => undefined],
]
