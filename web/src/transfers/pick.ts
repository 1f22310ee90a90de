import type { Picked } from './queue'

/** More at one time is a mistake, or better packed. */
export const MOST_FILES = 20_000

function filesOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject))
}

function some(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject))
}

export interface Dropped {
  files: Picked[]
  /** Folders without anything in them: no file brings those along. */
  empty: string[]
}

/**
 * What was dropped, folders with all that is in them. Call in the handler of the event itself: afterwards the browser
 * has forgotten it.
 */
export function dropped(transfer: DataTransfer): Promise<Dropped> {
  const entries = [...transfer.items]
    .filter(({ kind }) => kind === 'file')
    .map((item) => item.webkitGetAsEntry?.() ?? null)
  const plain = [...transfer.files]
  if (entries.some((entry) => entry === null)) return Promise.resolve({ files: chosen(plain), empty: [] })
  return walk(entries.filter((entry) => entry !== null))
}

async function walk(first: FileSystemEntry[]): Promise<Dropped> {
  const found: Picked[] = []
  const empty: string[] = []
  const stack = first.map((entry) => ({ entry, above: '' })).reverse()
  for (let next = stack.pop(); next && found.length < MOST_FILES; next = stack.pop()) {
    const { entry, above } = next
    if (entry.isFile) {
      found.push({ file: await filesOf(entry as FileSystemFileEntry), path: above + entry.name })
      continue
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    let part = await some(reader)
    if (part.length === 0) empty.push(above + entry.name)
    // A hundred at a time, until none are left.
    for (; part.length > 0; part = await some(reader))
      stack.push(...part.map((below) => ({ entry: below, above: `${above}${entry.name}/` })).reverse())
  }
  return { files: found, empty }
}

/** What a field gave: with `webkitdirectory` each file has its place in the folder. */
export function chosen(files: Iterable<File>): Picked[] {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }))
}
