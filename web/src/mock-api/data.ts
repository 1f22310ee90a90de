import type {
  Allocation,
  Egg,
  EggVariable,
  Node,
  Operation,
  Server,
  ServerPort,
  ServerSummary,
} from '~/api/types'
import { member } from './answers'
import { ALL_KEYS, MEMBER_KEYS } from './permissions'

/** Development only: a made-up fleet, typed by the same specification as the real one. */
const GIB = 1024 ** 3
const MIB = 1024 ** 2
export const START = Date.now()

export function ago(seconds: number): string {
  return new Date(START - seconds * 1000).toISOString()
}
export function id(n: number): string {
  return `01kah7q3zd${String(n).padStart(16, '0')}`
}

let seed = 11
export function random(): number {
  seed = (seed * 1664525 + 1013904223) >>> 0
  return seed / 4294967296
}

const HOSTS: Array<
  [
    name: string,
    address: string,
    cpus: number,
    memory: number,
    disk: number,
    used: [number, number, number],
    state: Node['state'],
    over: Partial<Node>,
  ]
> = [
  ['fra-1', '203.0.113.31', 16, 64, 1800, [1140, 53.1, 800], 'online', { rtt_ms: 9 }],
  [
    'fra-2',
    '203.0.113.24',
    16,
    64,
    1800,
    [610, 33.3, 1100],
    'online',
    {
      rtt_ms: 11,
      labels: { nvme: 'true', 'public-ip': 'true' },
      conditions: [
        {
          code: 'forward_policy_drop',
          level: 'info',
          message: 'FORWARD policy is drop, set by Docker. Ports work through our own accept rule.',
        },
      ],
    },
  ],
  [
    'ams-1',
    '198.51.100.7',
    8,
    32,
    921,
    [510, 24.9, 857],
    'online',
    {
      rtt_ms: 18,
      conditions: [
        { code: 'disk_near_full', level: 'warning', message: 'Disk is 93 % full, and full in about 4 days' },
      ],
    },
  ],
  ['sgp-1', '203.0.113.140', 8, 32, 921, [30, 3.5, 110], 'online', { rtt_ms: 171 }],
  [
    'den-1',
    '192.168.1.20',
    8,
    32,
    921,
    [0, 0, 0],
    'offline',
    { pending_changes: 3, since: ago(8040), last_seen_at: ago(8040) },
  ],
]

export const nodes: Node[] = HOSTS.map(([name, address, cpus, memory, disk, used, state, over], n) => ({
  id: id(900 + n),
  version: '1',
  name,
  state,
  since: ago(41 * 86_400),
  last_seen_at: ago(n + 1),
  rtt_ms: null,
  location: null,
  player_address: address,
  host: {
    hostname: `${name}.example.net`,
    os: 'Debian 12',
    kernel: '6.1',
    arch: 'x86_64',
    cpus,
    memory_bytes: memory * GIB,
    disk_bytes: disk * GIB,
    agent_version: '0.1.0',
    containerd_version: '1.7.24',
    cgroup_version: 2,
    addresses: [address],
    allowed_mounts: n % 3 === 0 ? ['/srv/games', '/data/shared'] : [],
  },
  conditions: [],
  load:
    state === 'online'
      ? {
          at: ago(1),
          cpu_percent: used[0],
          memory_used_bytes: used[1] * GIB,
          memory_total_bytes: memory * GIB,
          disk_used_bytes: used[2] * GIB,
          disk_total_bytes: disk * GIB,
          rx_bytes_per_s: 2.1 * MIB,
          tx_bytes_per_s: 6.4 * MIB,
          load1: used[0] / 120,
          containers: 6,
        }
      : null,
  servers: { total: 0, running: 0 },
  promised: { memory_bytes: memory * 0.6 * GIB, disk_bytes: disk * 0.4 * GIB, cpu_percent: cpus * 74 },
  pending_changes: 0,
  port_range: { first: 25_565, last: 25_664 },
  quarantined_because: null,
  labels: {},
  created_at: ago(90 * 86_400),
  ...over,
}))

type Row = [
  state: ServerSummary['state'],
  name: string,
  egg: string,
  address: string,
  cpu: number,
  cpuLimit: number,
  memory: number,
  memoryLimit: number,
  node: number,
  over?: Partial<ServerSummary>,
]
const ROWS: Row[] = [
  ['running', 'Lantern Vale', 'Minecraft Paper', 'vale.play.example.net:25565', 74.6, 200, 3.64, 6, 1],
  ['running', 'Branch Line 7', 'OpenTTD', '203.0.113.24:3979', 38.2, 100, 0.42, 1, 1],
  [
    'starting',
    'Eikthyr Hall',
    'Valheim',
    '198.51.100.7:2456',
    188,
    300,
    1.72,
    4,
    2,
    { state_since: ago(8), intent: { action: 'start', asked_at: ago(8) } },
  ],
  ['running', 'Retake 5v5 EU', 'Counter-Strike 2', '203.0.113.31:27015', 276, 300, 2.95, 4, 0],
  ['running', 'Oxide Basin', 'Factorio', '203.0.113.24:34197', 95.4, 100, 2.38, 3, 1],
  [
    'crashed',
    'Skyforge Modded',
    'NeoForge',
    'skyforge.play.example.net:25566',
    0,
    400,
    0,
    8,
    2,
    { state_since: ago(360), reason: 'oom', detail: 'Killed for lack of memory at 8 GiB' },
  ],
  [
    'stopped',
    'Corruption Sundays',
    'Terraria TShock',
    '198.51.100.7:7777',
    0,
    100,
    0,
    1,
    2,
    { state_since: ago(2 * 86_400) },
  ],
  ['running', 'Red Shale Weekly', 'Rust', '203.0.113.31:28015', 327, 400, 11.6, 12, 0],
  [
    'installing',
    'Muldraugh Nights',
    'Project Zomboid',
    '198.51.100.7:16261',
    31,
    200,
    0.31,
    6,
    2,
    { state_since: ago(108) },
  ],
  ['running', 'Ragnarok PvE', 'ARK SA', '[2001:db8:40::12]:7777', 0, 400, 0, 16, 4],
  ['running', 'Windswept', 'Palworld', '203.0.113.24:8211', 138, 300, 7.02, 10, 1],
  ['stopped', 'Old Harbour', 'Minecraft Purpur', '198.51.100.7:25570', 0, 200, 0, 4, 2, { suspended: true }],
  [
    'error',
    'Dune Works',
    'Satisfactory',
    '203.0.113.31:7777',
    0,
    200,
    0,
    8,
    0,
    { state_since: ago(900), reason: 'install_failed', detail: 'The install script ended with exit code 8' },
  ],
  ['running', 'Vale Proxy', 'Velocity', 'play.example.net:25577', 11.8, 100, 0.37, 0.5, 1],
  ['running', 'Voice', 'TeamSpeak', '203.0.113.24:9987', 1.9, 50, 0.06, 0.25, 1],
]

export const operations: Operation[] = [
  {
    id: id(700),
    kind: 'install',
    server: { id: id(8), name: 'Muldraugh Nights' },
    node: null,
    state: 'running',
    percent: 64,
    step: 'script, 1.9 GiB fetched',
    done_bytes: null,
    total_bytes: null,
    bytes_per_second: null,
    code: null,
    message: null,
    created_at: ago(108),
    started_at: ago(106),
    ended_at: null,
    log: true,
  },
  {
    id: id(701),
    kind: 'install',
    server: { id: id(12), name: 'Dune Works' },
    node: null,
    state: 'failed',
    percent: null,
    step: null,
    done_bytes: null,
    total_bytes: null,
    bytes_per_second: null,
    code: 'script_failed',
    message: 'The install script ended with exit code 8: the download server answered 404.',
    created_at: ago(960),
    started_at: ago(958),
    ended_at: ago(900),
    log: true,
  },
  {
    id: id(702),
    kind: 'reinstall',
    server: { id: id(1), name: 'Branch Line 7' },
    node: null,
    state: 'done',
    percent: 100,
    step: null,
    done_bytes: null,
    total_bytes: null,
    bytes_per_second: null,
    code: null,
    message: null,
    created_at: ago(4000),
    started_at: ago(3999),
    ended_at: ago(3990),
    log: true,
  },
]

export const servers: ServerSummary[] = ROWS.map(
  ([state, name, egg, address, cpu, cpuLimit, memory, memoryLimit, node, over], n) => {
    const home = nodes[node] as Node
    const cut = address.lastIndexOf(':')
    return {
      id: id(n),
      name,
      state,
      state_since: ago(740 + n * 1000),
      reason: null,
      detail: null,
      intent: null,
      suspended: false,
      node: { id: home.id, name: home.name, state: home.state },
      egg: { id: id(500), name: egg },
      address: { host: address.slice(0, cut), port: Number(address.slice(cut + 1)), display: address },
      limits: {
        memory_bytes: memoryLimit * GIB,
        swap_bytes: 0,
        disk_bytes: 20 * GIB,
        cpu_percent: cpuLimit,
        databases: 5,
      },
      usage:
        home.state === 'online' && ['running', 'starting', 'installing'].includes(state)
          ? {
              at: ago(2),
              cpu_percent: cpu,
              memory_bytes: memory * GIB,
              rx_bytes_per_s: 61_000,
              tx_bytes_per_s: 412_000,
              disk_bytes: 8.2 * GIB,
              uptime_ms: 720_000,
              pids: 42,
            }
          : null,
      operation: operations.find((o) => o.server?.id === id(n) && o.state === 'running') ?? null,
      created_at: ago(30 * 86_400),
      ...over,
    }
  },
)
for (const node of nodes) {
  const mine = servers.filter((s) => s.node.id === node.id)
  node.servers = { total: mine.length, running: mine.filter((s) => s.state === 'running').length }
}

function variable(
  name: string,
  env: string,
  value: string,
  input: Partial<EggVariable['input']>,
  over: Partial<EggVariable> = {},
): EggVariable {
  return {
    name,
    env,
    description: '',
    default: value,
    user_viewable: true,
    user_editable: true,
    rules: ['required', 'string'],
    input: { kind: 'text', required: true, min: null, max: null, max_length: null, options: [], ...input },
    ...over,
  }
}

export const egg: Egg = {
  id: id(500),
  name: 'Minecraft Paper',
  nest: null,
  author: 'parker@pterodactyl.io',
  description: 'High performance Spigot fork that aims to fix gameplay and mechanics inconsistencies.',
  icon: null,
  tags: ['minecraft'],
  images: [
    { label: 'Java 21', image: 'ghcr.io/pterodactyl/yolks:java_21' },
    { label: 'Java 17', image: 'ghcr.io/pterodactyl/yolks:java_17' },
  ],
  servers: 3,
  created_at: ago(86_400 * 12),
  source: 'starter',
  startup_commands: [
    { name: 'Default', command: 'java -Xms128M -XX:MaxRAMPercentage=95.0 -jar {{SERVER_JARFILE}}' },
  ],
  variables: [
    variable(
      'Minecraft version',
      'MINECRAFT_VERSION',
      'latest',
      { max_length: 20 },
      { description: 'latest or a version such as 1.21.8' },
    ),
    variable(
      'Server jar file',
      'SERVER_JARFILE',
      'server.jar',
      { max_length: 20 },
      { rules: ['required', 'regex:/^([\\w\\d._-]+)(\\.jar)$/'] },
    ),
    variable('Players at most', 'MAX_PLAYERS', '40', { kind: 'number', min: 1, max: 200 }),
    variable('Build number', 'BUILD_NUMBER', 'latest', { required: false, max_length: 20 }),
    variable('Difficulty', 'DIFFICULTY', 'normal', {
      kind: 'select',
      options: ['peaceful', 'easy', 'normal', 'hard'],
    }),
    variable(
      'Whitelist',
      'WHITELIST',
      '0',
      { kind: 'bool', options: ['0', '1'] },
      { description: 'Only players on the list may join.' },
    ),
    variable('Download path', 'DL_PATH', '', { required: false }, { user_editable: false }),
  ],
  done: [')! For help, type '],
  stop: 'stop',
  features: ['eula', 'java_version', 'pid_limit'],
  install: {
    container: 'ghcr.io/pterodactyl/installers:alpine',
    entrypoint: 'ash',
    script:
      '#!/bin/ash\n# Paper Installation Script\nPROJECT=paper\ncd /mnt/server\ncurl -sSL -o ${SERVER_JARFILE} ${DOWNLOAD_URL}\n',
  },
  file_denylist: [],
  config_files: [{ path: 'server.properties', parser: 'properties' }],
}

export const eggs: Egg[] = [
  'Minecraft Paper',
  'OpenTTD',
  'Valheim',
  'Factorio',
  'Terraria TShock',
  'Counter-Strike 2',
].map((name, n) => ({
  ...egg,
  id: id(500 + n),
  name,
  description: n === 0 ? egg.description : `${name} dedicated server`,
  servers: n === 0 ? 3 : n % 2,
  source: n % 2 ? 'import' : 'starter',
  nest: n === 0 ? { id: id(1900), name: 'Minecraft' } : n < 4 ? { id: id(1901), name: 'Builders' } : null,
}))

const ports = new Map<string, ServerPort[]>()

/** Ports of a server; what is done to them stays until the page is loaded anew. */
export function portsOf(summary: ServerSummary): ServerPort[] {
  const known = ports.get(summary.id)
  if (known) return known
  const { address } = summary
  const made = [
    {
      ...freePort(address?.port ?? 25_565),
      primary: true,
      alias: address?.host ?? null,
      addresses: [
        ...(address ? [{ ...address, kind: 'alias' as const }] : []),
        ...freePort(address?.port ?? 25_565).addresses,
      ],
    },
    freePort(25_575),
  ]
  ports.set(summary.id, made)
  return made
}

export function setPorts(server: string, next: ServerPort[]): void {
  ports.set(server, next)
}

export function freePort(port: number): ServerPort {
  return {
    id: id(40_000 + port),
    ip: '0.0.0.0',
    port,
    primary: false,
    alias: null,
    taken_by: null,
    addresses: [
      { kind: 'public', host: '203.0.113.24', port, display: `203.0.113.24:${port}` },
      { kind: 'lan', host: '10.0.0.24', port, display: `10.0.0.24:${port}` },
    ],
  }
}

export function whole(summary: ServerSummary): Server {
  return {
    ...summary,
    version: '1',
    description: '',
    owner: { id: id(1), name: 'admin' },
    image: 'ghcr.io/pterodactyl/yolks:java_21',
    images: egg.images,
    startup: egg.startup_commands[0]?.command ?? '',
    variables: egg.variables.map((v) => ({ ...v, value: v.default })),
    allocations: portsOf(summary),
    generation: 41,
    applied: true,
    run: summary.state === 'running' ? { id: id(42), started_at: summary.state_since } : null,
    crash_policy: { restart: true, max_restarts: 3, window_s: 600, clean_exit_is_crash: false },
    features: egg.features,
    permissions: member() ? MEMBER_KEYS : ALL_KEYS,
    upload_bytes: null,
    last_exit: summary.state === 'crashed' ? { code: 137, oom: true, at: summary.state_since } : null,
    install:
      summary.reason === 'install_failed'
        ? {
            result: 'failed',
            at: ago(900),
            exit_code: 8,
            message: 'The install script ended with exit code 8: the download server answered 404.',
            operation: id(701),
          }
        : { result: 'done', at: ago(86_400), exit_code: 0, message: null, operation: null },
  }
}

export function allocations(node: string): Allocation[] {
  const used = [0, 1, 2, 3, 5, 6, 7, 10, 11, 12, 13, 20, 21, 30, 31, 40, 55]
  const mine = servers.filter((s) => s.node.id === node)
  return Array.from({ length: 100 }, (_, n) => {
    const place = used.indexOf(n)
    return {
      id: id(3000 + n),
      node,
      ip: '203.0.113.24',
      port: 25_565 + n,
      server: place >= 0 ? (mine[place % Math.max(1, mine.length)]?.id ?? null) : null,
      primary: true,
      alias: null,
      taken_by: n === 9 ? 'nginx' : n === 77 ? 'docker-proxy' : null,
      withdrawn: false,
    }
  })
}

/** A wave that looks like a game: a base, a slow swing, noise, one spike. */
export function wave(count: number, base: number, swing: number, noise: number): number[] {
  return Array.from({ length: count }, (_, n) => {
    const spike = n > count * 0.42 && n < count * 0.5 ? base * 0.9 : 0
    return Math.max(0, base + Math.sin((n / count) * 6.3) * swing + (random() - 0.5) * noise + spike)
  })
}
