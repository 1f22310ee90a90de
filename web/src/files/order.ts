import type { FileEntry } from '~/api/types'

export const COLUMNS = ['name', 'size', 'modified'] as const
export type Column = (typeof COLUMNS)[number]

export interface Order {
  by: Column
  descending: boolean
}

export const BY_NAME: Order = { by: 'name', descending: false }

/** In the address: "size", "-size"; nothing where it is by name. */
export function orderText({ by, descending }: Order): string | undefined {
  return by === 'name' && !descending ? undefined : `${descending ? '-' : ''}${by}`
}

export function orderOf(text: string | undefined): Order {
  const descending = text?.startsWith('-') ?? false
  const name = descending ? text?.slice(1) : text
  const by = COLUMNS.find((column) => column === name)
  return by ? { by, descending } : BY_NAME
}

/** What a press on a column's head asks for: largest and newest first, names from A. */
export function turned(order: Order, by: Column): Order {
  if (order.by === by) return { by, descending: !order.descending }
  return { by, descending: by !== 'name' }
}

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

/** Folders first, then as asked; what is equal by that goes by its name. */
export function sorted(entries: readonly FileEntry[], { by, descending }: Order): FileEntry[] {
  const sign = descending ? -1 : 1
  const byName = (a: FileEntry, b: FileEntry) =>
    names.compare(a.name, b.name) || Number(a.name > b.name) - Number(a.name < b.name)
  // A folder's own size says nothing of what is in it.
  const size = (entry: FileEntry) => (entry.kind === 'directory' ? 0 : entry.size_bytes)
  const compare = {
    name: (a: FileEntry, b: FileEntry) => sign * byName(a, b),
    size: (a: FileEntry, b: FileEntry) => sign * (size(a) - size(b)) || byName(a, b),
    modified: (a: FileEntry, b: FileEntry) =>
      sign * (Date.parse(a.modified_at) - Date.parse(b.modified_at)) || byName(a, b),
  }[by]
  return [...entries].sort(
    (a, b) => Number(b.kind === 'directory') - Number(a.kind === 'directory') || compare(a, b),
  )
}

/** Every word has to be in the name, in whatever order. */
export function filtered(entries: readonly FileEntry[], needle: string): readonly FileEntry[] {
  const words = needle.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return entries
  return entries.filter((entry) => {
    const name = entry.name.toLowerCase()
    return words.every((word) => name.includes(word))
  })
}
