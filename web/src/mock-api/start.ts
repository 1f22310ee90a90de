import type { UpdateServer } from '~/api/types'
import { accountRoutes, mockProfile, mockSettings } from './account'
import { member, page, problem, type Route, scenario, text } from './answers'
import { apiKeyRoutes } from './api-keys'
import { auditRoutes } from './audit'
import { backupRoutes } from './backups'
import { CHATTER, LINES } from './console'
import { ago, allocations, egg, eggs, id, nodes, operations, START, servers, wave, whole } from './data'
import { databaseRoutes } from './databases'
import { fileRoutes } from './files'
import { joinRoutes } from './joining'
import { locationRoutes } from './location-routes'
import { loginRoutes } from './logins'
import { mountRoutes } from './mounts'
import { nestRoutes } from './nests'
import { passkeyRoutes } from './passkeys'
import { passwordLinkRoutes } from './password-links'
import { peopleRoutes } from './people-routes'
import { ALL_KEYS } from './permissions'
import { planRoutes } from './plans'
import { aliasRoutes, changePorts } from './ports'
import { quotaRoutes } from './quotas'
import { registryRoutes } from './registries'
import { roleRoutes } from './role-routes'
import { secondFactorOn, secondFactorRoutes, startSecondFactor, tooMany, wantedBy } from './second-factor'
import { listRoutes } from './server-list'
import { sftpRoutes } from './sftp'
import { MockSocket } from './socket'
import { subuserRoutes } from './subusers'
import { transferRoutes } from './transfers'

let imports = 0
let signedIn = true
let forced = false

const user = () => ({
  ...(member()
    ? { id: id(1001), username: 'tomasz', email: 'tomasz@example.net', admin: false }
    : { id: id(1000), username: 'mira', email: 'mira@example.net', admin: true }),
  must_change_password: forced,
  second_factor: secondFactorOn(),
  email_verified: scenario() !== 'unconfirmed',
  has_password: scenario() !== 'no-password',
})

function series(step: number, count: number, make: Record<string, number[]>) {
  const now = Math.floor(Date.now() / 1000)
  return {
    step_s: step,
    at: Array.from({ length: count }, (_, n) => now - (count - 1 - n) * step),
    series: make,
  }
}

function serverSeries(server: string) {
  const row = servers.find((s) => s.id === server)
  const cpu = row?.usage?.cpu_percent ?? 0
  const memory = row?.usage?.memory_bytes ?? 0
  return series(60, 60, {
    cpu_percent: wave(60, cpu, cpu * 0.12, cpu * 0.3),
    memory_bytes: wave(60, memory, memory * 0.05, memory * 0.03).map((v) =>
      Math.min(v, (row?.limits.memory_bytes ?? v) * 0.99),
    ),
    rx_bytes_per_s: wave(60, 61_000, 9000, 12_000),
    tx_bytes_per_s: wave(60, 412_000, 60_000, 90_000),
    disk_bytes: wave(60, row?.usage?.disk_bytes ?? 0, 0, 0),
    pids: wave(60, 42, 1, 1),
  })
}

/** One that goes on, one that ended for lack of memory, one that was stopped. */
function runs(server: string) {
  const row = servers.find((s) => s.id === server)
  const run = (n: number, from: number, to: number | null, exit: number | null, oom = false) => ({
    id: id(n),
    kind: 'game',
    started_at: ago(from),
    ended_at: to === null ? null : ago(to),
    exit_code: exit,
    oom,
    bytes: 0,
    first_kept: 0,
  })
  if (row?.state !== 'running') return [run(41, 9000, 360, 137, true)]
  return [run(43, 110, null, null), run(42, 740, 118, 137, true), run(41, 2400, 1500, 0)]
}

const routes: Route[] = [
  ...registryRoutes,
  ...backupRoutes,
  ...databaseRoutes,
  ...aliasRoutes,
  ...joinRoutes,
  ...listRoutes,
  ...subuserRoutes,
  ...transferRoutes,
  ...peopleRoutes,
  ...roleRoutes,
  ...secondFactorRoutes,
  ...accountRoutes,
  ...passkeyRoutes(() => {
    signedIn = true
    return { user: user() }
  }),
  ...loginRoutes,
  ...passwordLinkRoutes,
  ...quotaRoutes,
  ...sftpRoutes,
  ...planRoutes,
  ...nestRoutes,
  ...mountRoutes,
  ...locationRoutes,
  ...auditRoutes,
  ...apiKeyRoutes,
  ...fileRoutes,
  [
    'GET',
    /^\/session$/,
    () =>
      signedIn
        ? {
            user: user(),
            profile: mockProfile(),
            viewing: false,
            permissions: member() ? [] : ALL_KEYS,
            permissions_on_nodes: member() ? [] : ALL_KEYS,
            second_factor_wanted_by: wantedBy(),
            panel: {
              name: mockSettings().name,
              accent: mockSettings().accent,
              language: mockSettings().language,
              version: '0.1.0',
              plain_http: false,
              mail: true,
              invites_by_sharing: true,
              first_run: false,
            },
          }
        : problem(401, 'unauthenticated', 'Sign in first.'),
  ],
  [
    'POST',
    /^\/session$/,
    (_m, body) => {
      const { password, code } = body as { password: string; code?: string }
      if (password === 'wrong') return problem(401, 'bad_credentials', 'The name or the password is wrong.')
      if (password === 'second' && !code) return problem(401, 'second_factor_needed', 'send the code along')
      if (password === 'unpaid')
        return problem(403, 'account_suspended', 'this account is suspended: Unpaid since October')
      if (code === '000000') return problem(401, 'bad_code', 'this is not the code of this moment')
      if (code === '999999') return tooMany()
      signedIn = true
      forced = password === 'first'
      return { user: user() }
    },
  ],
  ['DELETE', /^\/session$/, () => ((signedIn = false), undefined)],
  ['PUT', /^\/account\/password$/, () => ((forced = false), undefined)],
  [
    'GET',
    /^\/account\/sessions$/,
    () =>
      page([
        {
          id: id(1),
          created_at: ago(7200),
          last_seen_at: ago(2),
          address: '203.0.113.9',
          user_agent: navigator.userAgent,
          current: true,
        },
        {
          id: id(2),
          created_at: ago(200_000),
          last_seen_at: ago(4000),
          address: '198.51.100.44',
          user_agent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/605.1',
          current: false,
        },
      ]),
  ],
  [
    'POST',
    /^\/servers$/,
    (_m, body) => {
      const { name } = body as { name: string }
      if (name === 'taken')
        return problem(422, 'invalid', 'One field is wrong.', [
          { field: 'name', code: 'taken', message: 'Another server has this name' },
        ])
      return { server: whole(servers[8] ?? servers[0]!), operation: operations[0] }
    },
  ],
  [
    'GET',
    /^\/servers\/([^/]+)$/,
    (m) => {
      const row = servers.find((s) => s.id === m[1])
      return row ? whole(row) : problem(404, 'not_found', 'server not found')
    },
  ],
  [
    'PATCH',
    /^\/servers\/([^/]+)$/,
    (m, body) => {
      const { ports, ...rest } = body as UpdateServer
      const row = servers.find((s) => s.id === m[1])!
      const refused = ports && changePorts(row, ports)
      return refused || { ...whole(row), ...rest }
    },
  ],
  ['DELETE', /^\/servers\/([^/]+)$/, () => ({ operation: operations[0] })],
  [
    'POST',
    /^\/servers\/([^/]+)\/power$/,
    (m, body) => {
      const row = servers.find((s) => s.id === m[1])
      const { action } = body as { action: string }
      if (row) {
        row.state = action === 'start' ? 'starting' : action === 'restart' ? 'starting' : 'stopping'
        row.state_since = new Date().toISOString()
        window.setTimeout(() => {
          row.state = action === 'stop' || action === 'kill' ? 'stopped' : 'running'
          row.state_since = new Date().toISOString()
          row.intent = null
        }, 3000)
      }
      return { generation: 42 }
    },
  ],
  [
    'POST',
    /^\/servers\/([^/]+)\/ticket$/,
    () => ({ ticket: 't', expires_at: new Date(Date.now() + 300_000).toISOString(), ws: '/ws', left_out: 0 }),
  ],
  [
    'POST',
    /^\/tickets\/mine$/,
    () => ({ ticket: 't', expires_at: new Date(Date.now() + 300_000).toISOString(), ws: '/ws', left_out: 0 }),
  ],
  ['GET', /^\/servers\/([^/]+)\/metrics$/, (m) => serverSeries(m[1] ?? '')],
  ['GET', /^\/servers\/([^/]+)\/runs$/, (m) => page(runs(m[1] ?? ''))],
  ['GET', /^\/servers\/([^/]+)\/console$/, () => ({ run: null, chunks: [] })],
  [
    'GET',
    /^\/servers\/([^/]+)\/console\/search$/,
    (_m, _b, url) => ({
      items: LINES.filter((l) =>
        l[2].toLowerCase().includes((url.searchParams.get('q') ?? '').toLowerCase()),
      ).map(([s, stream, line], n) => ({ run: id(42), stream, offset: n * 80, at: ago(s + 80_000), line })),
      more: false,
    }),
  ],
  ['POST', /^\/servers\/([^/]+)\/input$/, () => ({ result: 'written' })],
  ['POST', /^\/servers\/([^/]+)\/reinstall$/, () => operations[0]],
  [
    'GET',
    /^\/servers\/([^/]+)\/install-log$/,
    () =>
      text(
        'Pulling ghcr.io/pterodactyl/installers:alpine\nPulled 42.1 MiB in 3.2 s\nRunning the install script\n+ curl -sSL -o server.jar https://api.papermc.io/v2/projects/paper\n+ ls -la /mnt/server\ntotal 50012\ncurl: (22) The requested URL returned error: 404\nInstall script ended with exit code 8\n',
      ),
  ],
  ['GET', /^\/nodes$/, () => page(scenario() === 'first' ? [] : nodes)],
  [
    'GET',
    /^\/nodes\/([^/]+)$/,
    (m) => nodes.find((n) => n.id === m[1]) ?? problem(404, 'not_found', 'node not found'),
  ],
  [
    'GET',
    /^\/nodes\/([^/]+)\/metrics$/,
    (m) => {
      const node = nodes.find((n) => n.id === m[1])
      const load = node?.load
      return series(60, 60, {
        cpu_percent: wave(60, load?.cpu_percent ?? 0, 80, 90),
        memory_used_bytes: wave(60, load?.memory_used_bytes ?? 0, 1e9, 4e8),
        rx_bytes_per_s: wave(60, 2e6, 4e5, 5e5),
        tx_bytes_per_s: wave(60, 6e6, 9e5, 9e5),
        load1: wave(60, load?.load1 ?? 0, 1, 0.8),
      })
    },
  ],
  ['GET', /^\/nodes\/([^/]+)\/orphans$/, () => page([])],
  ['GET', /^\/nodes\/([^/]+)\/allocations$/, (m) => page(allocations(m[1] ?? ''))],
  ['POST', /^\/nodes\/([^/]+)\/allocations$/, () => ({ items: [], already: [] })],
  ['GET', /^\/eggs$/, () => page(scenario() === 'empty' || scenario() === 'first' ? [] : eggs)],
  [
    'POST',
    /^\/eggs\/import$/,
    () =>
      (imports += 1) % 4 === 2
        ? problem(
            422,
            'not_an_egg',
            'Line 41, column 7: the JSON ends inside "script". The file looks cut off.',
          )
        : {
            egg: { ...egg, id: imports % 2 ? egg.id : id(599) },
            report: {
              format: 'PTDL_v2',
              odd:
                imports % 4 === 0
                  ? []
                  : [
                      {
                        code: 'unknown_feature',
                        field: 'features[3]',
                        message: '"moon" is kept for export and has no effect.',
                      },
                    ],
            },
          },
  ],
  [
    'GET',
    /^\/eggs\/starters$/,
    () =>
      page(
        [
          ['minecraft-paper', 'Minecraft Paper', 'High performance Minecraft server'],
          ['openttd', 'OpenTTD', 'Build a transport empire together'],
          ['valheim', 'Valheim', 'Vikings, co-op survival'],
        ].map(([key, name, description]) => ({
          key,
          name,
          description,
          licence: 'MIT',
          source: 'pelican-eggs',
          egg: null,
        })),
      ),
  ],
  ['POST', /^\/eggs\/starters\/(.+)$/, () => ({ egg, report: { format: 'PTDL_v2', odd: [] } })],
  ['GET', /^\/eggs\/([^/]+)$/, (m) => eggs.find((e) => e.id === m[1]) ?? egg],
  [
    'GET',
    /^\/operations$/,
    (_m, _b, url) => {
      const active = url.searchParams.get('active') === 'true'
      const going = ({ state }: { state: string }) => !active || state === 'running' || state === 'pending'
      return page(scenario() === 'first' ? [] : operations.filter(going))
    },
  ],
  [
    'GET',
    /^\/operations\/([^/]+)$/,
    (m) => operations.find(({ id }) => id === m[1]) ?? problem(404, 'not_found', 'operation not found'),
  ],
  [
    'GET',
    /^\/event-consumers$/,
    () =>
      page([{ id: id(1), name: 'status page', servers: null, created_at: ago(500_000), expires_at: null }]),
  ],
  [
    'POST',
    /^\/event-consumers$/,
    () => ({
      consumer: { id: id(2), name: 'discord bot', servers: null, created_at: ago(0), expires_at: null },
      creds:
        '-----BEGIN NATS USER JWT-----\neyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ\n------END NATS USER JWT------\n',
      nats_urls: ['tls://panel.example.net:4222'],
      ca_pem: '-----BEGIN CERTIFICATE-----\n',
      subjects: ['event.server.>'],
      stream: 'EVENT',
      durable: null,
      durables: [],
      api_prefix: '',
      inbox_prefix: '_INB.x',
      example: 'nats --creds discord-bot.creds -s tls://panel.example.net:4222 sub "event.server.>"',
    }),
  ],
]

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url)
  const path = url.pathname.replace('/api/v1', '')
  let body: unknown
  if (request.headers.get('content-type')?.includes('json')) body = await request.clone().json()
  await new Promise((resolve) => setTimeout(resolve, 20))
  for (const [method, pattern, handler] of routes) {
    const match = request.method === method ? path.match(pattern) : null
    if (!match) continue
    const result = await handler(match, body, url, request)
    if (result instanceof Response) return result
    if (result === undefined) return new Response(null, { status: 204 })
    return new Response(JSON.stringify(result), {
      status: 200,
      headers: { 'content-type': 'application/json' },
    })
  }
  return problem(404, 'not_found', `The mock has no ${request.method} ${path}`)
}

/** Puts a made-up panel in the place of the network. Only ever loaded by `npm run dev:mock`. */
export function startMock(): void {
  signedIn = scenario() !== 'out'
  startSecondFactor()
  const real = window.fetch.bind(window)
  window.fetch = async (input, init) => {
    const request = new Request(input, init)
    return new URL(request.url).pathname.startsWith('/api/v1') ? answer(request) : real(input, init)
  }
  window.WebSocket = MockSocket as unknown as typeof WebSocket
  console.info('mock api since', START, CHATTER.length)
}
