import { useNavigate } from '@tanstack/react-router'
import type { FileEntry } from '~/api/types'
import { join, parent } from '~/util/path'
import { isArchive } from './kinds'
import { type Order, orderText } from './order'

function sorting(order: Order): { sort?: string } {
  const sort = orderText(order)
  return sort ? { sort } : {}
}

const inFolder = (path: string) => (path === '/' ? {} : { path })

/** Where one can go from a folder; the order goes along from folder to folder. */
export function useWays(server: string, path: string, order: Order) {
  const navigate = useNavigate()
  const to = '/servers/$server/files'
  const params = { server }
  const go = (folder: string) =>
    void navigate({ to, params, search: { ...inFolder(folder), ...sorting(order) } })
  const edit = (file: string) => navigate({ to, params, search: { ...inFolder(path), edit: file } })
  const look = (archive: string) => navigate({ to, params, search: { view: 'archive', path: archive } })
  return {
    go,
    edit,
    up: () => path !== '/' && go(parent(path)),
    open: (entry: FileEntry) =>
      entry.kind === 'directory'
        ? go(join(path, entry.name))
        : void (isArchive(entry.name) ? look : edit)(join(path, entry.name)),
    sort: (by: Order) =>
      void navigate({ to, params, search: { ...inFolder(path), ...sorting(by) }, replace: true }),
  }
}

export type Ways = ReturnType<typeof useWays>
