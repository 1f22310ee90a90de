import type { Backup, BackupSettings, BackupStore, Operation } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id } from './data'

const GIB = 1024 ** 3

let stores: BackupStore[] = [
  {
    id: id(980),
    version: '1',
    name: 'On the nodes',
    kind: 'directory',
    path: '',
    endpoint: '',
    region: '',
    bucket: '',
    prefix: '',
    access_key: '',
    nodes: [],
    backups: 3,
    bytes: 6 * GIB,
    created_at: ago(86_400 * 90),
    updated_at: ago(86_400 * 90),
  },
  {
    id: id(981),
    version: '1',
    name: 'Archive',
    kind: 's3',
    path: '',
    endpoint: 'https://s3.example.com',
    region: 'eu-central-1',
    bucket: 'games',
    prefix: '',
    access_key: 'AKIAEXAMPLE',
    nodes: [],
    backups: 0,
    bytes: 0,
    created_at: ago(86_400 * 30),
    updated_at: ago(86_400 * 30),
  },
]

/** Goes on as one looks. */
function work(kind: string, step: string, at: number): Operation {
  const began = Date.now() - 19_000
  return {
    id: id(at),
    kind,
    server: null,
    node: null,
    state: 'running',
    percent: 42,
    step,
    get done_bytes() {
      return Math.min(4.2 * GIB, Math.round(((Date.now() - began) / 1000) * 96 * 1024 ** 2))
    },
    total_bytes: Math.round(4.2 * GIB),
    bytes_per_second: 96 * 1024 ** 2,
    code: null,
    message: null,
    created_at: ago(20),
    started_at: ago(19),
    ended_at: null,
    log: false,
  }
}

const row = (n: number, over: Partial<Backup>): Backup => ({
  id: id(985 + n),
  name: '',
  state: 'done',
  store: { id: id(980), name: 'On the nodes' },
  total_bytes: 4.2 * GIB,
  added_bytes: 0.06 * GIB,
  files: 1957,
  skipped: 0,
  warnings: [],
  locked: false,
  code: null,
  message: null,
  operation: null,
  created_at: ago(86_400 * n + 3600),
  completed_at: ago(86_400 * n + 3500),
  ...over,
})

let backups: Backup[] = [
  row(0, {
    name: 'before the update',
    state: 'running',
    completed_at: null,
    operation: work('backup', 'reading files', 990),
  }),
  row(1, { name: 'the castle', locked: true }),
  row(2, { skipped: 2, warnings: ['"/world/session.fifo": it is a socket, a pipe or a device'] }),
  row(3, { state: 'failed', code: 'disk_full', message: 'only 400 MiB are free on the disk of the store' }),
]

let settings: BackupSettings = {
  version: '1',
  store: null,
  ignore: ['logs/', 'cache/'],
  retention: { last: 3, days: null, daily: null, weekly: 4, monthly: null },
  hooks: { before: ['save-off', 'save-all flush'], after: ['save-on'], ready: 'Saved the game', wait_s: 0 },
}
let restore: Operation | null = null

const TREE: Record<string, [name: string, kind: string, size: number][]> = {
  '/': [
    ['plugins', 'directory', 0],
    ['server.properties', 'file', 1204],
    ['world', 'directory', 0],
    ['latest.log', 'symlink', 0],
  ],
  '/plugins': [['LuckPerms.jar', 'file', 1_480_000]],
  '/world': [
    ['level.dat', 'file', 2418],
    ['playerdata', 'directory', 0],
    ['region', 'directory', 0],
  ],
  '/world/region': Array.from({ length: 40 }, (_, n) => [`r.${n % 8}.${n >> 3}.mca`, 'file', 4_194_304 + n]),
}

const one = (found: string | undefined) =>
  backups.find((each) => each.id === found) ?? problem(404, 'not_found', 'backup not found')

const nothing = () => ['empty', 'none-allowed', 'no-store'].includes(scenario())

export const backupRoutes: Route[] = [
  [
    'GET',
    /^\/servers\/[^/]+\/backups$/,
    () => ({
      items: nothing() ? [] : backups,
      used: nothing() ? 0 : 3,
      limit: scenario() === 'none-allowed' ? 0 : 5,
      bytes: nothing() ? 0 : 6 * GIB,
      stores: (scenario() === 'no-store' ? [] : stores).map(({ id, name, kind }) => ({ id, name, kind })),
      restore,
    }),
  ],
  [
    'POST',
    /^\/servers\/[^/]+\/backups$/,
    (_m, body) => {
      const added = row(0, {
        id: id(995),
        name: (body as { name: string | null }).name ?? '',
        state: 'running',
        created_at: new Date().toISOString(),
      })
      backups = [added, ...backups]
      return added
    },
  ],
  ['PATCH', /^\/servers\/[^/]+\/backups\/([^/]+)$/, (m, body) => Object.assign(one(m[1]), body)],
  [
    'DELETE',
    /^\/servers\/[^/]+\/backups\/([^/]+)$/,
    (m) => {
      backups = backups.filter((each) => each.id !== m[1])
      return undefined
    },
  ],
  [
    'GET',
    /^\/servers\/[^/]+\/backups\/[^/]+\/files/,
    (_m, _body, url) => ({
      items: (TREE[url.searchParams.get('path') ?? '/'] ?? []).map(([name, kind, size_bytes]) => ({
        name,
        kind,
        size_bytes,
        modified_at: ago(86_400),
      })),
      next: null,
    }),
  ],
  [
    'POST',
    /^\/servers\/[^/]+\/backups\/([^/]+)\/restore$/,
    () => {
      restore = work('restore', 'writing files', 996)
      return restore
    },
  ],
  ['GET', /^\/servers\/[^/]+\/backup-settings$/, () => settings],
  [
    'PUT',
    /^\/servers\/[^/]+\/backup-settings$/,
    (_m, body) => {
      settings = { ...(body as BackupSettings), version: `${Number(settings.version) + 1}` }
      return settings
    },
  ],
  [
    'POST',
    /^\/servers\/([^/]+)\/backup-keys$/,
    (m, body) =>
      (body as { current_password: string }).current_password === 'wrong'
        ? problem(422, 'invalid', 'one field is not right', [
            { field: 'current_password', code: 'wrong', message: 'is not the password' },
          ])
        : {
            items: [
              {
                store: { id: id(980), name: 'On the nodes' },
                repository: `/var/lib/warren/backups/${m[1]}`,
                password: 'kq4vGz0H7n2bWm9sYt5xRd8cLp3fJa6e',
              },
            ],
          },
  ],
  ['GET', /^\/backup-stores$/, () => page(scenario() === 'empty' ? [] : stores)],
  [
    'POST',
    /^\/backup-stores$/,
    (_m, body) => {
      const made = {
        ...(body as BackupStore),
        id: id(982),
        version: '1',
        backups: 0,
        bytes: 0,
        created_at: new Date().toISOString(),
        updated_at: new Date().toISOString(),
      }
      stores = [...stores, made]
      return made
    },
  ],
  [
    'POST',
    /^\/backup-stores\/[^/]+\/test$/,
    () => ({ ok: true, code: null, detail: 'a file was written, read back and removed' }),
  ],
  [
    'PUT',
    /^\/backup-stores\/([^/]+)$/,
    (m, body) => Object.assign(stores.find((each) => each.id === m[1]) ?? {}, body),
  ],
  [
    'DELETE',
    /^\/backup-stores\/([^/]+)$/,
    (m) => {
      stores = stores.filter((each) => each.id !== m[1])
      return undefined
    },
  ],
]
