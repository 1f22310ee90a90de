import type { ArchiveEntry, ArchivePage, FileEntry, FileMatch, Operation, TrashItem } from '~/api/types'
import { type Order, sorted } from '~/files/order'
import { problem, type Route, scenario } from './answers'
import { ago, operations } from './data'

interface Node {
  kind: 'file' | 'directory' | 'symlink'
  mode: number
  at: string
  etag: number
  text: string
  size?: number
}

const PROPERTIES =
  '#Minecraft server properties\nallow-flight=false\ndifficulty=normal\nenforce-whitelist=false\ngamemode=survival\nlevel-name=vale\nmax-players=40\nmotd=Lantern Vale\nonline-mode=true\nserver-port=25565\nview-distance=10\n'
const CONFIG =
  '# Lantern Vale\nlocale: en\nblocked-commands:\n  - op\n  - deop\nspawn:\n  world: vale\n  x: 120.5\n  y: 71\n  z: -40\nchat:\n  format: "<{player}> {message}"\n  slow-mode-s: 2\nautosave: true\n'
/** One violet pixel. */
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mOoiXzwHwAFWwKpK9oWmwAAAABJRU5ErkJggg=='

let etags = 1
const tree = new Map<string, Node>()

function put(path: string, kind: Node['kind'], text = '', size?: number, age = 5000): void {
  etags += 1
  const mode = kind === 'directory' ? 0o755 : path.endsWith('.sh') ? 0o750 : 0o644
  tree.set(path, { kind, mode, at: ago(age), etag: etags, text, ...(size === undefined ? {} : { size }) })
}

function seed(): void {
  put('/', 'directory')
  const folders =
    '/cache /config /libraries /logs /plugins /plugins/LuckPerms /plugins/Essentials /versions /world /world/region'
  folders.split(' ').forEach((path, n) => {
    put(path, 'directory', '', 4096, 900 + n * 86_000)
  })
  put('/banned-ips.json', 'file', '[]\n', undefined, 800_000)
  put('/bukkit.yml', 'file', CONFIG, undefined, 410_000)
  put('/eula.txt', 'file', 'eula=true\n', undefined, 900_000)
  put('/ops.json', 'file', '[{"name": "mira", "level": 4}]\n', undefined, 210_000)
  put('/paper-1.21.8-60.jar', 'file', '\0jar', 51_200_400, 860_000)
  put('/permissions.yml', 'file', CONFIG, undefined, 800_000)
  put('/server-icon.png', 'file', atob(PIXEL), undefined, 700_000)
  put('/server.properties', 'file', PROPERTIES, undefined, 3600)
  put('/start.sh', 'file', '#!/bin/sh\nexec java -jar "$SERVER_JARFILE" nogui\n', undefined, 760_000)
  put('/usercache.json', 'file', '{"players": []}\n', undefined, 120)
  put('/vale-before-update.tar.gz', 'file', '\0gz', 1_280_400_000, 260_000)
  put('/latest.log', 'symlink', '', 15, 100)
  put('/plugins/Essentials/config.yml', 'file', CONFIG)
  put('/plugins/LuckPerms.jar', 'file', '\0', 1_402_000)
  for (let day = 1; day <= 28; day += 1)
    put(
      `/logs/2026-10-${String(day).padStart(2, '0')}-1.log.gz`,
      'file',
      '\0',
      40_000 + day * 912,
      day * 86_400,
    )
  put('/logs/latest.log', 'file', '[21:02:11] [Server thread/INFO]: Done (14.882s)!\n'.repeat(40))
  for (let x = -30; x < 30; x += 1)
    for (let z = -25; z < 25; z += 1)
      put(
        `/world/region/r.${x}.${z}.mca`,
        'file',
        '\0',
        8192 * ((x * x + z * 7) % 900),
        Math.abs(x * z) * 700,
      )
}

const name = (path: string) => path.slice(path.lastIndexOf('/') + 1)
const parent = (path: string) => path.slice(0, Math.max(1, path.lastIndexOf('/')))
const inside = (path: string, folder: string) =>
  path === folder || path.startsWith(`${folder === '/' ? '' : folder}/`)

function bytes(text: string): Uint8Array<ArrayBuffer> {
  if (/[\0\x89]/.test(text)) return Uint8Array.from(text, (char) => char.charCodeAt(0))
  return new TextEncoder().encode(text)
}

function entry(path: string, node: Node): FileEntry {
  return {
    name: name(path),
    kind: node.kind,
    size_bytes: node.size ?? bytes(node.text).length,
    modified_at: node.at,
    mode: node.mode,
    etag: String(node.etag),
    target: node.kind === 'symlink' ? 'logs/latest.log' : null,
    kept_back: name(path) === 'usercache.json',
  }
}

const missing = (path: string) => problem(404, 'file_not_found', `${path} is not there`)
const pathOf = (url: URL) => url.searchParams.get('path') ?? '/'

function list(url: URL) {
  if (tree.size === 0) seed()
  if (scenario() === 'files-away')
    return problem(503, 'node_offline', 'the node is offline; it is asked again when it comes back')
  const path = pathOf(url)
  const folder = tree.get(path)
  if (!folder) return missing(path)
  if (folder.kind !== 'directory') return problem(409, 'not_a_directory', `${path} is no directory`)
  const all = [...tree].filter(([each]) => each !== '/' && parent(each) === path)
  const limit = Number(url.searchParams.get('limit') ?? 200)
  const from = Number(url.searchParams.get('cursor') ?? 0)
  const next = from + limit < all.length ? String(from + limit) : null
  const order = {
    by: (url.searchParams.get('sort') ?? 'name') as Order['by'],
    descending: url.searchParams.get('order') === 'desc',
  }
  const rows = sorted(
    all.map(([each, node]) => entry(each, node)),
    order,
  )
  return { items: rows.slice(from, from + limit), next, total: all.length, truncated: false }
}

function read(url: URL) {
  if (tree.size === 0) seed()
  const node = tree.get(pathOf(url))
  if (!node) return missing(pathOf(url))
  if ((node.size ?? 0) > 1024 * 1024)
    return problem(413, 'file_too_large', 'the file is larger than 1 MiB; at most that is read here')
  return new Response(bytes(node.text), { headers: { etag: `"${node.etag}"` } })
}

async function write(url: URL, request: Request) {
  const path = pathOf(url)
  const there = tree.get(path)
  const match = request.headers.get('if-match')
  const changed = match !== null && match !== `"${there?.etag}"`
  if (changed || (request.headers.get('if-none-match') === '*' && there))
    return problem(412, 'changed_meanwhile', 'the file has changed; read it again')
  // `?mock=clash`: somebody else writes each file once between opening and saving it.
  if (scenario() === 'clash' && match && !clashed.has(path)) {
    clashed.add(path)
    put(path, 'file', `# changed by the game\n${(there?.text ?? '').replace('normal', 'hard')}`, undefined, 4)
    return problem(412, 'changed_meanwhile', 'the file has changed; read it again')
  }
  put(path, 'file', await request.text(), undefined, 0)
  return { etag: String(etags), size_bytes: tree.get(path)?.text.length }
}
const clashed = new Set<string>()

function move(from: string, to: string) {
  if (!tree.has(from)) return missing(from)
  if (tree.has(to)) return problem(409, 'file_exists', `${to} is there already`)
  for (const [path, node] of [...tree]) {
    if (!inside(path, from)) continue
    tree.delete(path)
    tree.set(to + path.slice(from.length), node)
  }
  return undefined
}

const lying: { item: TrashItem; nodes: [string, Node][] }[] = []

function remove(paths: string[]) {
  const trashed = paths.map((each) => {
    const nodes = [...tree].filter(([path]) => inside(path, each))
    for (const [path] of nodes) tree.delete(path)
    etags += 1
    const item: TrashItem = {
      id: `t${etags}`,
      path: each,
      kind: nodes[0]?.[1].kind ?? 'file',
      deleted_at: ago(0),
      until: ago(-7 * 86_400),
      disk_bytes: 4096 * nodes.length,
      entries: nodes.length,
    }
    lying.unshift({ item, nodes })
    return item
  })
  return { trashed }
}

function restore(id: string) {
  const at = lying.findIndex(({ item }) => item.id === id)
  const [found] = at < 0 ? [] : lying.splice(at, 1)
  if (!found) return problem(404, 'file_not_found', 'this is no longer in the trash')
  for (const [path, node] of found.nodes) tree.set(path, node)
  return { path: found.item.path }
}

function search(path: string, sought: { name: string | null; content: string | null }) {
  if (tree.size === 0) seed()
  const items = [...tree]
    .filter(([each]) => each !== '/' && inside(each, path))
    .filter(([each]) => !sought.name || name(each).includes(sought.name))
    .flatMap<FileMatch>(([each, node]) => {
      const fact = { path: each, kind: node.kind, size_bytes: entry(each, node).size_bytes }
      if (!sought.content) return [{ ...fact, line: null, text: null }]
      return node.text
        .split('\n')
        .flatMap((text, n) => (text.includes(sought.content ?? '') ? [{ ...fact, line: n + 1, text }] : []))
    })
  const cut = items.length > 200 ? 'matches' : null
  return { items: items.slice(0, 200), files: 31, bytes: 402_000, skipped: 2, cut }
}

function copy(from: string, to: string) {
  if (!tree.has(from)) return missing(from)
  if (tree.has(to)) return problem(409, 'file_exists', `${to} is there already`)
  let entries = 0
  for (const [path, node] of [...tree]) {
    if (!inside(path, from)) continue
    entries += 1
    tree.set(to + path.slice(from.length), { ...node })
  }
  return { entries, bytes: 4096 * entries, skipped: 0 }
}

function stat(url: URL) {
  if (tree.size === 0) seed()
  const node = tree.get(pathOf(url))
  return node ? entry(pathOf(url), node) : missing(pathOf(url))
}

function archive(url: URL): ArchivePage {
  const inside = url.searchParams.get('inside') ?? '/'
  const at = (name: string, kind: string, size_bytes = 0): ArchiveEntry => ({
    name,
    kind,
    size_bytes,
    modified_at: '2026-11-01T10:00:00Z',
    target: kind === 'symlink' ? 'world/level.dat' : null,
    refused: kind === 'refused' ? 'device' : null,
  })
  const items =
    inside === '/'
      ? [
          at('plugins', 'directory'),
          at('world', 'directory'),
          at('level', 'symlink'),
          at('disk', 'refused'),
          at('paper-1.21.8-60.jar', 'file', 51_200_400),
          at('server.properties', 'file', 1294),
          at('whitelist.json', 'file', 0),
        ]
      : [at('region', 'directory'), at('level.dat', 'file', 2048)]
  return { format: 'tar.gz', items, next: null, total: items.length, entries: 4821 }
}

/** An archive at work, as far as it is by now. */
function packing(server: string, kind: string): Operation {
  const began = Date.now()
  const total = 1_280_400_000
  const done = () => Math.min(total, ((Date.now() - began) / 12_000) * total)
  const operation: Operation = {
    id: `01kah7q3zd${String(began).padStart(16, '0')}`,
    kind,
    server: { id: server, name: 'Lantern Vale' },
    node: null,
    get state(): Operation['state'] {
      return done() < total ? 'running' : 'done'
    },
    percent: null,
    step: kind === 'extract' ? 'writing files' : 'reading files',
    get done_bytes() {
      return Math.round(done())
    },
    total_bytes: total,
    bytes_per_second: total / 12,
    code: null,
    message: null,
    created_at: ago(0),
    started_at: ago(0),
    ended_at: null,
    log: false,
  }
  operations.unshift(operation)
  return operation
}

/** Files of one made-up server, the same for all of them. */
export const fileRoutes: Route[] = [
  ['GET', /^\/servers\/([^/]+)\/files$/, (_m, _b, url) => list(url)],
  ['GET', /^\/servers\/([^/]+)\/files\/content$/, (_m, _b, url) => read(url)],
  ['PUT', /^\/servers\/([^/]+)\/files\/content$/, (_m, _b, url, request) => write(url, request)],
  [
    'POST',
    /^\/servers\/([^/]+)\/files\/directories$/,
    (_m, body) => {
      const { path } = body as { path: string }
      if (tree.has(path)) return problem(409, 'file_exists', `${path} is there already`)
      put(path, 'directory', '', 4096, 0)
      return undefined
    },
  ],
  [
    'POST',
    /^\/servers\/([^/]+)\/files\/rename$/,
    (_m, body) => {
      const { from, to } = body as { from: string; to: string }
      return move(from, to)
    },
  ],
  [
    'POST',
    /^\/servers\/([^/]+)\/files\/copy$/,
    (_m, body) => {
      const { from, to } = body as { from: string; to: string }
      return copy(from, to)
    },
  ],
  [
    'POST',
    /^\/servers\/([^/]+)\/files\/chmod$/,
    (_m, body) => {
      const { paths, mode } = body as { paths: string[]; mode: number }
      for (const path of paths) Object.assign(tree.get(path) ?? {}, { mode })
      return undefined
    },
  ],
  ['GET', /^\/servers\/([^/]+)\/files\/archive$/, (_m, _b, url) => archive(url)],
  ['POST', /^\/servers\/([^/]+)\/files\/(archive|extract|download)$/, (m) => packing(m[1] ?? '', m[2] ?? '')],
  ['GET', /^\/servers\/([^/]+)\/files\/stat$/, (_m, _b, url) => stat(url)],
  [
    'GET',
    /^\/servers\/([^/]+)\/files\/usage$/,
    () => ({ disk_bytes: 1_402_400_000, entries: 3210, complete: true }),
  ],
  [
    'GET',
    /^\/servers\/([^/]+)\/files\/checksum$/,
    (_m, _b, url) => ({
      algorithm: url.searchParams.get('algorithm') ?? 'sha256',
      digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      size_bytes: 10,
      etag: '1',
    }),
  ],
  [
    'GET',
    /^\/servers\/([^/]+)\/files\/trash$/,
    () => ({
      items: lying.map(({ item }) => item),
      next: null,
      total: lying.length,
      disk_bytes: lying.reduce((sum, { item }) => sum + item.disk_bytes, 0),
    }),
  ],
  ['POST', /^\/servers\/([^/]+)\/files\/trash\/restore$/, (_m, body) => restore((body as { id: string }).id)],
  [
    'POST',
    /^\/servers\/([^/]+)\/files\/trash\/empty$/,
    (_m, body) => {
      const { ids } = body as { ids: string[] }
      const stay = ids.length === 0 ? [] : lying.filter(({ item }) => !ids.includes(item.id))
      lying.splice(0, lying.length, ...stay)
      return undefined
    },
  ],
  [
    'POST',
    /^\/servers\/([^/]+)\/files\/search$/,
    (_m, body) => {
      const { path, ...sought } = body as { path: string; name: string | null; content: string | null }
      return search(path, sought)
    },
  ],
  ['POST', /^\/servers\/([^/]+)\/files\/delete$/, (_m, body) => remove((body as { paths: string[] }).paths)],
]
