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
