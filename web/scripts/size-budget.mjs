// Fails the build when the first page weighs too much. What counts: index.html, the scripts and styles that it
// names, and every chunk that those import at once; fonts are told beside it, because they do not block the page.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const DIST = new URL('../dist', import.meta.url).pathname
const FIRST_PAGE_MAX = 160 * 1000
// The sign-in route is part of the first page somebody sees; the rest of the routes load when they are opened.
const FIRST_ROUTES = [/^assets\/login-[\w-]+\.js$/]
// Its texts, in one language: that which has most to load. English has the rest in its scripts.
const FIRST_TEXTS = ['common', 'door']

function size(path) {
  return gzipSync(readFileSync(join(DIST, path)), { level: 9 }).length
}

function files(folder) {
  return readdirSync(join(DIST, folder)).map((name) => `${folder}/${name}`)
}

const html = readFileSync(join(DIST, 'index.html'), 'utf8')
const all = files('assets').filter((path) => statSync(join(DIST, path)).isFile())
const queue = [...html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((match) => match[1])
queue.push(...all.filter((path) => FIRST_ROUTES.some((pattern) => pattern.test(path))))
const seen = new Set(['index.html'])
while (queue.length > 0) {
  const path = queue.pop()
  if (seen.has(path)) continue
  seen.add(path)
  if (!path.endsWith('.js')) continue
  const code = readFileSync(join(DIST, path), 'utf8')
  for (const [, name] of code.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g))
    queue.push(`assets/${name}`)
}

const languages = new Map()
for (const path of all) {
  const [, language, namespace] = /^assets\/text-(\w+)-([a-z_]+)-[\w-]+\.js$/.exec(path) ?? []
  if (!FIRST_TEXTS.includes(namespace)) continue
  const texts = languages.get(language) ?? []
  languages.set(language, [...texts, [path, size(path)]])
}
const weight = (texts) => texts.reduce((total, [, bytes]) => total + bytes, 0)
const [heaviest = []] = [...languages.values()].sort((a, b) => weight(b) - weight(a))
if (heaviest.length !== FIRST_TEXTS.length) {
  console.error(`the first page's texts are not all there: ${heaviest.map(([path]) => path).join(', ')}`)
  process.exit(1)
}

const rows = [...[...seen].map((path) => [path, size(path)]), ...heaviest].sort((a, b) => b[1] - a[1])
const sum = rows.reduce((total, [, bytes]) => total + bytes, 0)
for (const [path, bytes] of rows) console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB  ${path}`)
const rest = all
  .filter((path) => path.endsWith('.js') && !seen.has(path))
  .map((path) => [path, size(path)])
  .sort((a, b) => b[1] - a[1])
console.log(
  'later:',
  rest
    .slice(0, 8)
    .map(([path, bytes]) => `${path.replace('assets/', '')} ${(bytes / 1000).toFixed(0)} kB`)
    .join(', '),
)
console.log(`first page: ${(sum / 1000).toFixed(1)} kB gzip of ${FIRST_PAGE_MAX / 1000} kB`)
if (all.some((path) => /mock/i.test(path))) {
  console.error('the development mock is in the production bundle')
  process.exit(1)
}
if (sum > FIRST_PAGE_MAX) {
  console.error('the first page is over its budget')
  process.exit(1)
}
