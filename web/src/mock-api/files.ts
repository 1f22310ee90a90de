import type { FileEntry } from '~/api/types'
import { problem, type Route, scenario } from './answers'
import { ago } from './data'

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
    kept_back: false,
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
  const items = all.slice(from, from + limit).map(([each, node]) => entry(each, node))
  return { items, next, total: all.length, truncated: false }
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

function remove(paths: string[]) {
  for (const each of paths) for (const path of [...tree.keys()]) if (inside(path, each)) tree.delete(path)
  return undefined
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
  ['POST', /^\/servers\/([^/]+)\/files\/delete$/, (_m, body) => remove((body as { paths: string[] }).paths)],
]
