import type { InfiniteData } from '@tanstack/react-query'
import { api, must, raw } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { FileEntry } from '~/api/types'
import { join, nameOf, parent } from '~/util/path'
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

/** One after the other, so that what fails is told by name and the rest is done. */
async function each(paths: readonly string[], work: (path: string) => Promise<void>): Promise<Outcome> {
  const outcome: Outcome = { done: [], failed: [] }
  for (const path of paths) {
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
export async function moveInto(server: string, paths: readonly string[], folder: string): Promise<Outcome> {
  const from = paths.map(parent)
  for (const source of new Set(from)) {
    const leaving = new Set(paths.filter((path) => parent(path) === source).map(nameOf))
    patchFolder(server, source, (items) => items.filter((item) => !leaving.has(item.name)))
  }
  const outcome = await each(paths, (path) => rename(server, path, join(folder, nameOf(path))))
  await refreshFolders(server, folder, ...from)
  return outcome
}

/** Puts back what `moveInto` has moved. */
export async function moveBack(server: string, paths: readonly string[], folder: string): Promise<Outcome> {
  const outcome = await each(paths, (path) => rename(server, join(folder, nameOf(path)), path))
  await refreshFolders(server, folder, ...paths.map(parent))
  return outcome
}

export async function deleteForGood(server: string, folder: string, names: readonly string[]): Promise<void> {
  const paths = names.map((name) => join(folder, name))
  try {
    for (let from = 0; from < paths.length; from += PATHS) {
      const some = paths.slice(from, from + PATHS)
      await must(
        api.POST('/servers/{server}/files/delete', {
          params: { path: { server } },
          body: { paths: some, permanent: true },
        }),
      )
      files.gone(server, some)
    }
  } finally {
    await refreshFolders(server, folder)
  }
}
