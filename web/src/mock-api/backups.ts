import type { Backup, BackupStore } from '~/api/types'
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
    operation: {
      id: id(990),
      kind: 'backup',
      server: null,
      node: null,
      state: 'running',
      percent: 42,
      step: 'reading files',
      done_bytes: 1.8 * GIB,
      total_bytes: 4.2 * GIB,
      bytes_per_second: 96 * 1024 ** 2,
      code: null,
      message: null,
      created_at: ago(20),
      started_at: ago(19),
      ended_at: null,
      log: false,
    },
  }),
  row(1, { name: 'the castle', locked: true }),
  row(2, { skipped: 2, warnings: ['"/world/session.fifo": it is a socket, a pipe or a device'] }),
  row(3, { state: 'failed', code: 'disk_full', message: 'only 400 MiB are free on the disk of the store' }),
]

const one = (found: string | undefined) =>
  backups.find((each) => each.id === found) ?? problem(404, 'not_found', 'backup not found')

export const backupRoutes: Route[] = [
  [
    'GET',
    /^\/servers\/[^/]+\/backups$/,
    () => ({
      items: scenario() === 'empty' ? [] : backups,
      used: scenario() === 'empty' ? 0 : 3,
      limit: 5,
      bytes: 6 * GIB,
      stores: stores.map(({ id, name, kind }) => ({ id, name, kind })),
      restore: null,
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
    () => ({
      items: [
        { name: 'plugins', kind: 'directory', size_bytes: 0, modified_at: ago(86_400) },
        { name: 'server.properties', kind: 'file', size_bytes: 1204, modified_at: ago(86_400) },
        { name: 'world', kind: 'directory', size_bytes: 0, modified_at: ago(3600) },
      ],
      next: null,
    }),
  ],
  [
    'POST',
    /^\/servers\/[^/]+\/backups\/([^/]+)\/restore$/,
    () => ({ id: id(996), kind: 'restore', state: 'pending' }),
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
