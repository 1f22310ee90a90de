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
  if (name.trim() === '') return 'A name is needed'
  if (name === '.' || name === '..') return 'This name means a place, not a file'
  if (name.includes('/')) return 'A name has no slash'
  if (new TextEncoder().encode(name).length > 255) return 'At most 255 bytes'
  return undefined
}
