import type { InfiniteData } from '@tanstack/react-query'
import { api, must, raw } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { FileEntry, TrashItem } from '~/api/types'
import { freeName, join, nameOf, parent } from '~/util/path'
import { files } from './documents'

interface ListPage {
  items: FileEntry[]
  next?: string | null
}

/** So many paths does one request take. */
const PATHS = 100

/** What a folder is shown as, before the panel has answered. */
function patchFolder(server: string, folder: string, change: (items: FileEntry[]) => FileEntry[]): void {
  queryClient.setQueriesData<InfiniteData<ListPage>>({ queryKey: keys.files(server, folder) }, (data) =>
    data?.pages
      ? { ...data, pages: data.pages.map((page) => ({ ...page, items: change(page.items) })) }
      : data,
  )
}

export async function refreshFolders(server: string, ...folders: string[]): Promise<void> {
  await Promise.all(
    [...new Set(folders)].map((folder) =>
      queryClient.invalidateQueries({ queryKey: keys.files(server, folder) }),
    ),
  )
}

export async function createFolder(server: string, path: string): Promise<void> {
  await must(
    api.POST('/servers/{server}/files/directories', { params: { path: { server } }, body: { path } }),
  )
  await refreshFolders(server, parent(path))
}

/** Makes an empty file, unless there is one of that name. */
export async function createFile(server: string, path: string): Promise<void> {
  await raw(`/servers/${server}/files/content?path=${encodeURIComponent(path)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'if-none-match': '*' },
    body: '',
  })
  await refreshFolders(server, parent(path))
}

async function rename(server: string, from: string, to: string): Promise<void> {
  await must(api.POST('/servers/{server}/files/rename', { params: { path: { server } }, body: { from, to } }))
  files.moved(server, from, to)
}

/** Shown under its new name at once; under the old one again if it is refused. */
export async function renameEntry(
  server: string,
  folder: string,
  entry: FileEntry,
  to: string,
): Promise<void> {
  patchFolder(server, folder, (items) =>
    items.map((each) => (each.name === entry.name ? { ...each, name: to } : each)),
  )
  try {
    await rename(server, join(folder, entry.name), join(folder, to))
  } finally {
    await refreshFolders(server, folder)
  }
}

export interface Outcome {
  done: string[]
  failed: { path: string; error: unknown }[]
}

export type Progress = (at: number) => void

/** One after the other, so that what fails is told by name and the rest is done. */
async function each(
  paths: readonly string[],
  work: (path: string) => Promise<void>,
  onProgress?: Progress,
): Promise<Outcome> {
  const outcome: Outcome = { done: [], failed: [] }
  for (const [n, path] of paths.entries()) {
    onProgress?.(n + 1)
    try {
      await work(path)
      outcome.done.push(path)
    } catch (error) {
      outcome.failed.push({ path, error })
    }
  }
  return outcome
}

/** Moves into a folder; nothing there is replaced. */
export async function moveInto(
  server: string,
  paths: readonly string[],
  folder: string,
  onProgress?: Progress,
): Promise<Outcome> {
  const from = paths.map(parent)
  for (const source of new Set(from)) {
    const leaving = new Set(paths.filter((path) => parent(path) === source).map(nameOf))
    patchFolder(server, source, (items) => items.filter((item) => !leaving.has(item.name)))
  }
  const outcome = await each(paths, (path) => rename(server, path, join(folder, nameOf(path))), onProgress)
  await refreshFolders(server, folder, ...from)
  return outcome
}

/** Puts back what `moveInto` has moved. */
export async function moveBack(server: string, paths: readonly string[], folder: string): Promise<Outcome> {
  const outcome = await each(paths, (path) => rename(server, join(folder, nameOf(path)), path))
  await refreshFolders(server, folder, ...paths.map(parent))
  return outcome
}

/** Names of a folder that are here already, for what must not collide. */
function namesIn(server: string, folder: string): Set<string> {
  const lists = queryClient.getQueriesData<InfiniteData<ListPage>>({ queryKey: keys.files(server, folder) })
  return new Set(
    lists.flatMap(([, data]) => data?.pages?.flatMap(({ items }) => items.map(({ name }) => name)) ?? []),
  )
}

export interface Copied extends Outcome {
  /** What could not be taken along. */
  skipped: number
}

/** Copies into a folder, beside what has the same name there. */
export async function copyInto(
  server: string,
  paths: readonly string[],
  folder: string,
  word: (stem: string, n: number) => string,
  onProgress?: Progress,
): Promise<Copied> {
  const taken = namesIn(server, folder)
  let skipped = 0
  const outcome = await each(
    paths,
    async (from) => {
      const name = freeName(nameOf(from), taken, word)
      const body = { from, to: join(folder, name) }
      const answer = await must(
        api.POST('/servers/{server}/files/copy', { params: { path: { server } }, body }),
      )
      taken.add(name)
      skipped += answer.skipped
    },
    onProgress,
  )
  await refreshFolders(server, folder)
  return { ...outcome, skipped }
}

export async function setMode(
  server: string,
  folder: string,
  paths: readonly string[],
  mode: number,
): Promise<void> {
  try {
    for (let from = 0; from < paths.length; from += PATHS) {
      const body = { paths: paths.slice(from, from + PATHS), mode }
      await must(api.POST('/servers/{server}/files/chmod', { params: { path: { server } }, body }))
    }
  } finally {
    await refreshFolders(server, folder)
  }
}

/** Into the trash; what lies there afterwards can be put back. */
export async function trash(server: string, folder: string, names: readonly string[]): Promise<TrashItem[]> {
  const paths = names.map((name) => join(folder, name))
  const lying: TrashItem[] = []
  const leaving = new Set(names)
  patchFolder(server, folder, (items) => items.filter((item) => !leaving.has(item.name)))
  try {
    for (let from = 0; from < paths.length; from += PATHS) {
      const body = { paths: paths.slice(from, from + PATHS) }
      const { trashed } = await must(
        api.POST('/servers/{server}/files/delete', { params: { path: { server } }, body }),
      )
      lying.push(...trashed)
      files.gone(server, body.paths)
    }
  } finally {
    await Promise.all([
      refreshFolders(server, folder),
      queryClient.invalidateQueries({ queryKey: keys.trash(server) }),
    ])
  }
  return lying
}

/** Back to where it was, under another name if something is there now. */
export async function restore(server: string, { id, path }: TrashItem): Promise<{ path: string }> {
  const body = { id, rename: true }
  const done = await must(
    api.POST('/servers/{server}/files/trash/restore', { params: { path: { server } }, body }),
  )
  await Promise.all([
    refreshFolders(server, parent(path)),
    queryClient.invalidateQueries({ queryKey: keys.trash(server) }),
  ])
  return done
}

/** These for good, or all of it. */
export async function emptyTrash(server: string, ids: string[]): Promise<void> {
  await must(api.POST('/servers/{server}/files/trash/empty', { params: { path: { server } }, body: { ids } }))
  await queryClient.invalidateQueries({ queryKey: keys.trash(server) })
}
