import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import {
  ChevronRight,
  File,
  FileSymlink,
  Folder,
  FolderPlus,
  type LucideIcon,
  Pencil,
  Plus,
  Trash2,
  Upload,
} from 'lucide-react'
import { useRef, useState } from 'react'
import { api, must, raw } from '~/api/client'
import { filesQuery, keys, queryClient, serverQuery } from '~/api/queries'
import type { FileEntry, Server } from '~/api/types'
import { FileEditor } from '~/components/file-editor'
import { Page } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { NameDialog } from '~/forms/name'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { SearchInput } from '~/ui/field'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { join, steps } from '~/util/path'
import { visible } from '~/util/visible'

const t = texts('files')

const UPLOAD_MAX = 1024 * 1024
/** A server's root as the game sees it. */
const ROOT = '/home/container'

export function ServerFilesPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/files' })
  const { path = '/', edit } = useSearch({ from: '/app/servers/$server/files' })
  const { data: server } = useQuery(serverQuery(id))
  if (!server) return null
  return edit !== undefined ? (
    <FileEditor key={edit} server={server} path={edit} />
  ) : (
    <FolderView key={path} server={server} path={path} />
  )
}

export function Crumbs({ server, path, file }: { server: string; path: string; file?: string }) {
  const all = steps(path)
  return (
    <nav aria-label={t('folder')} className="mono flex min-w-0 flex-wrap items-center gap-1 text-12">
      <Link
        to="/servers/$server/files"
        params={{ server }}
        search={{}}
        className="hit flex h-6 items-center text-t2 hover:text-t1"
      >
        {ROOT}
      </Link>
      {all.map((step) => (
        <span key={step.path} className="flex items-center gap-1">
          <ChevronRight aria-hidden="true" size={12} className="text-t3" />
          <Link
            to="/servers/$server/files"
            params={{ server }}
            search={{ path: step.path }}
            className="hit flex h-6 items-center text-t2 hover:text-t1"
          >
            {visible(step.name)}
          </Link>
        </span>
      ))}
      {file && (
        <span className="flex items-center gap-1">
          <ChevronRight aria-hidden="true" size={12} className="text-t3" />
          <span aria-current="page" className="text-t1">
            {visible(file)}
          </span>
        </span>
      )}
    </nav>
  )
}

const ICONS: Record<string, LucideIcon> = { directory: Folder, file: File, symlink: FileSymlink }

function FolderView({ server, path }: { server: Server; path: string }) {
  const navigate = useNavigate({ from: '/servers/$server/files' })
  const query = useInfiniteQuery(filesQuery(server.id, path))
  const [needle, setNeedle] = useState('')
  const [chosen, setChosen] = useState<Set<string>>(new Set())
  const [asking, setAsking] = useState<'folder' | 'file' | 'delete' | { rename: string }>()
  const upload = useRef<HTMLInputElement>(null)
  const [dragged, setDragged] = useState(false)
  const mayWrite = server.permissions.includes('file.create') || server.permissions.includes('file.update')
  const mayDelete = server.permissions.includes('file.delete')

  const entries = (query.data?.pages.flatMap((page) => page.items) ?? [])
    .filter((entry) => entry.name.toLowerCase().includes(needle.toLowerCase()))
    .sort(
      (a, b) =>
        Number(b.kind === 'directory') - Number(a.kind === 'directory') ||
        a.name.localeCompare(b.name, undefined, { numeric: true }),
    )
  const refresh = () => queryClient.invalidateQueries({ queryKey: keys.files(server.id, path) })
  const selected = entries.filter((entry) => chosen.has(entry.name))

  const open = (entry: FileEntry) =>
    void navigate({
      search:
        entry.kind === 'directory'
          ? { path: join(path, entry.name) }
          : { ...(path === '/' ? {} : { path }), edit: join(path, entry.name) },
    })

  async function send(files: FileList | File[]) {
    for (const file of files) {
      if (file.size > UPLOAD_MAX) {
        toast.error(
          t('upload.failed', { file: file.name }),
          new Error(t('upload.large', { size: bytesText(file.size), most: bytesText(UPLOAD_MAX, true) })),
        )
        continue
      }
      try {
        await raw(`/servers/${server.id}/files/content?path=${encodeURIComponent(join(path, file.name))}`, {
          method: 'PUT',
          headers: { 'content-type': 'application/octet-stream' },
          body: file,
        })
        toast.done(t('upload.done', { file: file.name }))
      } catch (error) {
        toast.error(t('upload.failed', { file: file.name }), error)
      }
    }
    await refresh()
  }

  return (
    <Page>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping has the Upload button beside it for keyboards */}
      <div
        onDragOver={(event) => {
          event.preventDefault()
          setDragged(true)
        }}
        onDragLeave={() => setDragged(false)}
        onDrop={(event) => {
          event.preventDefault()
          setDragged(false)
          if (mayWrite) void send(event.dataTransfer.files)
        }}
      >
        <div className="mb-3 flex flex-wrap items-center gap-2">
          <Crumbs server={server.id} path={path} />
          <span className="flex-1" />
          {selected.length > 0 ? (
            <>
              <span className="num text-t2">{t('selected', { n: selected.length })}</span>
              {selected.length === 1 && selected[0] && (
                <Button
                  icon={Pencil}
                  onClick={() => setAsking({ rename: selected[0]?.name ?? '' })}
                  off={mayWrite ? false : t('may_not.change')}
                >
                  {t('rename')}
                </Button>
              )}
              <Button
                look="danger"
                icon={Trash2}
                off={mayDelete ? false : t('may_not.delete')}
                onClick={() => setAsking('delete')}
              >
                {t('delete')}
              </Button>
            </>
          ) : (
            <>
              <SearchInput
                label={t('filter')}
                className="w-52 max-sm:w-full"
                value={needle}
                onChange={(event) => setNeedle(event.target.value)}
              />
              <Button
                icon={FolderPlus}
                off={mayWrite ? false : t('may_not.create')}
                onClick={() => setAsking('folder')}
              >
                {t('new_folder')}
              </Button>
              <Button
                icon={Upload}
                off={mayWrite ? false : t('may_not.create')}
                onClick={() => upload.current?.click()}
              >
                {t('upload')}
              </Button>
              <Button
                look="primary"
                icon={Plus}
                off={mayWrite ? false : t('may_not.create')}
                onClick={() => setAsking('file')}
              >
                {t('new_file')}
              </Button>
            </>
          )}
          <input
            ref={upload}
            type="file"
            multiple
            hidden
            aria-label={t('upload.files')}
            onChange={(event) => {
              if (event.target.files) void send(event.target.files)
              event.target.value = ''
            }}
          />
        </div>
        {query.isError && <ProblemView error={query.error} onRetry={() => void query.refetch()} />}
        {!query.isError && (
          <Card className={`overflow-x-auto ${dragged ? 'border-accent-line! bg-accent-tint!' : ''}`}>
            {query.isPending && <SkeletonRows height="h-10" />}
            {query.data && entries.length === 0 && (
              <Empty title={t(needle ? 'none_found' : 'empty')}>
                {needle ? '' : t('empty.drop', { most: bytesText(UPLOAD_MAX, true) })}
              </Empty>
            )}
            {entries.length > 0 && (
              <table className="tbl one">
                <thead>
                  <tr>
                    <th className="w-10">
                      <Checkbox
                        aria-label={t('select_all')}
                        checked={selected.length === entries.length}
                        onChange={(event) =>
                          setChosen(
                            event.target.checked ? new Set(entries.map((entry) => entry.name)) : new Set(),
                          )
                        }
                      />
                    </th>
                    <th>{t('name')}</th>
                    <th className="r">{t('size')}</th>
                    <th className="r max-sm:hidden">{t('changed')}</th>
                    <th className="max-sm:hidden">{t('mode')}</th>
                  </tr>
                </thead>
                <tbody>
                  {entries.map((entry) => {
                    const Icon = ICONS[entry.kind] ?? File
                    return (
                      <tr key={entry.name} data-selected={chosen.has(entry.name)}>
                        <td>
                          <Checkbox
                            aria-label={t('select', { name: visible(entry.name) })}
                            checked={chosen.has(entry.name)}
                            onChange={(event) => {
                              const next = new Set(chosen)
                              if (event.target.checked) next.add(entry.name)
                              else next.delete(entry.name)
                              setChosen(next)
                            }}
                          />
                        </td>
                        <td className="w-full max-w-0">
                          <button
                            type="button"
                            onClick={() => open(entry)}
                            className="flex h-10 max-w-full items-center max-sm:h-11 gap-2.5 text-t1 hover:text-accent"
                          >
                            <Icon
                              aria-hidden="true"
                              size={16}
                              strokeWidth={1.75}
                              className={
                                entry.kind === 'directory' ? 'shrink-0 text-accent' : 'shrink-0 text-t3'
                              }
                            />
                            <span className="mono truncate text-12">{visible(entry.name)}</span>
                          </button>
                        </td>
                        <td className="r text-t2">
                          {entry.kind === 'directory' ? '' : bytesText(entry.size_bytes)}
                        </td>
                        <td className="r text-t2 max-sm:hidden">
                          <Ago at={entry.modified_at} />
                        </td>
                        <td className="mono text-12 text-t3 max-sm:hidden">
                          {(entry.mode & 0o7777).toString(8).padStart(4, '0')}
                        </td>
                      </tr>
                    )
                  })}
                </tbody>
              </table>
            )}
            {query.hasNextPage && (
              <div className="flex justify-center border-t border-line p-2">
                <Button size="sm" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {t('more')}
                </Button>
              </div>
            )}
          </Card>
        )}
      </div>
      <NameDialog
        open={asking === 'folder' || asking === 'file' || typeof asking === 'object'}
        title={t(asking === 'folder' ? 'new_folder' : asking === 'file' ? 'new_file' : 'rename')}
        verb={t(typeof asking === 'object' ? 'rename' : 'create')}
        initial={typeof asking === 'object' ? asking.rename : ''}
        onClose={() => setAsking(undefined)}
        onName={async (name) => {
          if (asking === 'folder') {
            await must(
              api.POST('/servers/{server}/files/directories', {
                params: { path: { server: server.id } },
                body: { path: join(path, name) },
              }),
            )
          } else if (typeof asking === 'object') {
            await must(
              api.POST('/servers/{server}/files/rename', {
                params: { path: { server: server.id } },
                body: { from: join(path, asking.rename), to: join(path, name) },
              }),
            )
          } else {
            await navigate({ search: { ...(path === '/' ? {} : { path }), edit: join(path, name) } })
            return
          }
          setChosen(new Set())
          await refresh()
        }}
      />
      <Confirm
        open={asking === 'delete'}
        onClose={() => setAsking(undefined)}
        title={t('delete.title', { n: selected.length, name: selected[0]?.name ?? '' })}
        verb={t('delete')}
        onConfirm={async () => {
          try {
            await must(
              api.POST('/servers/{server}/files/delete', {
                params: { path: { server: server.id } },
                body: { paths: selected.map((entry) => join(path, entry.name)) },
              }),
            )
            setChosen(new Set())
            await refresh()
          } catch (error) {
            toast.error(t('delete.failed'), error)
            throw error
          }
        }}
      >
        {t(selected.some((entry) => entry.kind === 'directory') ? 'delete.folders' : 'delete.note')}
      </Confirm>
    </Page>
  )
}
