import { texts } from '~/i18n/texts'

const t = texts('files')

/** Joins below a server's root; every part is a name, so nothing here can climb. */
export function join(folder: string, name: string): string {
  return `${folder === '/' ? '' : folder}/${name}`
}

export function parent(path: string): string {
  const cut = path.lastIndexOf('/')
  return cut <= 0 ? '/' : path.slice(0, cut)
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** "/a/b" as the steps to it: root, a, a/b. */
export function steps(path: string): Array<{ name: string; path: string }> {
  const parts = path.split('/').filter(Boolean)
  return parts.map((name, at) => ({ name, path: `/${parts.slice(0, at + 1).join('/')}` }))
}

/** Why a name can't be given to a file, or undefined. */
export function badName(name: string): string | undefined {
  if (name.trim() === '') return t('bad_name.none')
  if (name === '.' || name === '..') return t('bad_name.place')
  if (name.includes('/')) return t('bad_name.slash')
  if (new TextEncoder().encode(name).length > 255) return t('bad_name.long')
  return undefined
}

/** What somebody typed as a place: "/a//b/" and "a/./b" are "/a/b". Nothing where it climbs or can't be a path. */
export function typedPath(text: string): string | undefined {
  const parts = text
    .trim()
    .replace(/^\/home\/container(?=\/|$)/, '')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  if (parts.includes('..') || text.includes('\0')) return undefined
  return `/${parts.join('/')}`
}

/** True for a folder itself and all that is in it. */
export function within(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`)
}

/** Where the part of a name that people change ends: "world.tar.gz" is renamed as "world". */
export function stemLength(name: string): number {
  const tar = name.search(/\.tar\.\w+$/i)
  if (tar > 0) return tar
  const dot = name.lastIndexOf('.')
  return dot > 0 ? dot : name.length
}

/** A name that is free beside these: "notes copy.txt", "notes copy 2.txt". */
export function freeName(
  name: string,
  taken: ReadonlySet<string>,
  copy: (stem: string, n: number) => string,
): string {
  if (!taken.has(name)) return name
  const cut = stemLength(name)
  for (let n = 1; ; n += 1) {
    const other = copy(name.slice(0, cut), n) + name.slice(cut)
    if (!taken.has(other)) return other
  }
}
