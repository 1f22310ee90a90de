import { Link, useNavigate } from '@tanstack/react-router'
import {
  ClipboardPaste,
  Copy,
  CopyPlus,
  Download,
  Ellipsis,
  FilePlus2,
  FileSearch,
  FolderInput,
  FolderOpen,
  FolderOutput,
  FolderPlus,
  FolderUp,
  Info,
  type LucideIcon,
  Pencil,
  Plus,
  RefreshCw,
  Scissors,
  Shield,
  Trash2,
  Upload,
  X,
} from 'lucide-react'
import {
  type DragEvent,
  type KeyboardEvent,
  type MouseEvent,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { asProblem } from '~/api/problem'
import type { FileEntry, Server, TrashItem } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { ModeDialog } from '~/forms/file-mode'
import { MoveDialog } from '~/forms/file-move'
import { NameDialog } from '~/forms/name'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { download, downloadArchive } from '~/transfers/download'
import { chosen, dropped } from '~/transfers/pick'
import { type Picked, uploads } from '~/transfers/queue'
import { Kbd } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { ContextMenu, type Entry } from '~/ui/context-menu'
import { copyText } from '~/ui/copy'
import { SearchInput } from '~/ui/field'
import { Menu, MenuItem } from '~/ui/menu'
import { Spinner } from '~/ui/spinner'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { bytesText } from '~/util/format'
import { join, nameOf, parent, steps } from '~/util/path'
import { visible } from '~/util/visible'
import {
  copyInto,
  createFile,
  createFolder,
  moveBack,
  moveInto,
  refreshFolders,
  renameEntry,
  restore,
  setMode,
  trash,
} from './calls'
import { hold, moveRefusal, useClipping } from './clipboard'
import { Crumbs } from './crumbs'
import { FileList } from './list'
import { type Order, orderText, turned } from './order'
import { Properties } from './properties'
import { filesOff } from './rights'
import { all, at, kept, NOTHING, only, ranged, type Selection, stepped, toggled } from './selection'
import { ActionSheet } from './sheet'
import { useFolder } from './use-folder'
import './files.css'

const t = texts('files')

/** What a drag within the panel carries. */
const DRAGGED = 'application/x-warren-files'

type Asked = 'folder' | 'file' | 'move' | 'copy' | 'mode' | 'properties'

export function FileManager({ server, path, order }: { server: Server; path: string; order: Order }) {
  const navigate = useNavigate()
  const phone = useMedia('(max-width: 639px)')
  const [needle, setNeedle] = useState('')
  const { query, entries, onEnd, total, truncated } = useFolder(server.id, path, order, needle)
  const names = useMemo(() => entries.map((entry) => entry.name), [entries])
  const { selection, setSelection } = useSelection(path, names)
  const [asked, setAsked] = useState<Asked>()
  const [renaming, setRenaming] = useState<string>()
  const [sheet, setSheet] = useState(false)
  const [dropping, setDropping] = useState(false)
  const [working, setWorking] = useState<{ what: 'move' | 'copy'; at: number; n: number }>()
  const grid = useRef<HTMLDivElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const folders = useRef<HTMLInputElement>(null)
  const clipping = useClipping(server.id)
  const off = filesOff(server)
  const selected = entries.filter((entry) => selection.chosen.has(entry.name))
  const paths = selected.map((entry) => join(path, entry.name))
  const single = selected.length === 1 ? selected[0] : undefined
  const held = selected.some((each) => each.kept_back) && t('off.kept_back')
  const cut = useMemo(
    () =>
      new Set(
        clipping?.what === 'cut' ? clipping.paths.filter((each) => parent(each) === path).map(nameOf) : [],
      ),
    [clipping, path],
  )
  const focusGrid = () => grid.current?.focus({ preventScroll: true })

  // biome-ignore lint/correctness/useExhaustiveDependencies: anew in each folder
  useEffect(() => {
    setNeedle('')
    setRenaming(undefined)
  }, [path])

  useLanded(server.id)

  const go = (folder: string) =>
    void navigate({
      to: '/servers/$server/files',
      params: { server: server.id },
      search: { ...(folder === '/' ? {} : { path: folder }), ...sorting(order) },
    })
  const open = (entry: FileEntry) =>
    entry.kind === 'directory'
      ? go(join(path, entry.name))
      : void navigate({
          to: '/servers/$server/files',
          params: { server: server.id },
          search: { ...(path === '/' ? {} : { path }), edit: join(path, entry.name) },
        })

  async function move(moved: readonly string[], folder: string) {
    const refusal = moveRefusal(moved, folder)
    if (refusal) {
      toast.show({ kind: 'note', title: t(`move.${refusal}`) })
      return
    }
    const { done, failed } = await moveInto(server.id, moved, folder, (at) =>
      setWorking({ what: 'move', at, n: moved.length }),
    )
    setWorking(undefined)
    if (failed[0])
      toast.error(t('move.failed', { n: failed.length, name: nameOf(failed[0].path) }), failed[0].error)
    if (done.length === 0) return
    toast.show({
      kind: 'done',
      title: t('move.done', {
        n: done.length,
        name: nameOf(done[0] ?? ''),
        folder: folder === '/' ? t('path.root') : nameOf(folder),
      }),
      action: { label: t('undo'), act: () => void undo(done, folder) },
    })
  }
  async function undo(moved: readonly string[], folder: string) {
    const { failed } = await moveBack(server.id, moved, folder)
    if (failed[0])
      toast.error(t('undo.failed', { n: failed.length, name: nameOf(failed[0].path) }), failed[0].error)
  }
  async function copy(copied: readonly string[], folder: string) {
    if (moveRefusal(copied, folder) === 'inside_itself') {
      toast.show({ kind: 'note', title: t('move.inside_itself') })
      return
    }
    const { done, failed, skipped } = await copyInto(
      server.id,
      copied,
      folder,
      (stem, n) => t('copy.name', { stem, n }),
      (at) => setWorking({ what: 'copy', at, n: copied.length }),
    )
    setWorking(undefined)
    if (failed[0])
      toast.error(t('copy.failed', { n: failed.length, name: nameOf(failed[0].path) }), failed[0].error)
    if (done.length === 0) return
    toast.done(
      t('copy.done', {
        n: done.length,
        name: nameOf(done[0] ?? ''),
        folder: folder === '/' ? t('path.root') : nameOf(folder),
      }),
      skipped > 0 ? t('copy.skipped', { n: skipped }) : undefined,
    )
  }
  async function remove() {
    try {
      const lying = await trash(
        server.id,
        path,
        selected.map((each) => each.name),
      )
      toast.show({
        kind: 'done',
        title: t('trashed', { n: selected.length, name: selected[0]?.name ?? '' }),
        ...(lying.length > 0 && { action: { label: t('undo'), act: () => void putBack(lying) } }),
      })
    } catch (error) {
      toast.error(t('delete.failed'), error)
    }
  }
  async function putBack(lying: TrashItem[]) {
    const results = await Promise.allSettled(lying.map((item) => restore(server.id, item)))
    const failed = results.filter((result) => result.status === 'rejected')
    if (failed[0])
      toast.error(t('undo.failed', { n: failed.length, name: selected[0]?.name ?? '' }), failed[0].reason)
  }
  async function paste() {
    if (!clipping) return
    if (clipping.what === 'copy') return copy(clipping.paths, path)
    hold(undefined)
    await move(clipping.paths, path)
  }
  // The foot of the list says what is held.
  const clip = (what: 'cut' | 'copy') => () => hold({ server: server.id, what, paths })
  function upload(picked: readonly Picked[], folder = path) {
    if (off.create !== false) toast.show({ kind: 'note', title: off.create })
    else if (picked.length > 0) uploads.add(server.id, folder, picked)
  }
  // Several files, or one folder, go as one archive.
  async function fetchSelected() {
    try {
      if (single?.kind === 'file') await download(server.id, join(path, single.name))
      else
        await downloadArchive(
          server.id,
          path,
          selected.map((each) => each.name),
        )
    } catch (error) {
      toast.error(t('download.failed'), error)
    }
  }

  const none = selected.length === 0 && t('off.none')
  const many = selected.length > 1 && t('off.one')
  const entry = (
    id: string,
    icon: LucideIcon,
    word: string,
    run: () => void,
    reason: string | false = false,
    keys: string[] = [],
    danger = false,
  ): Entry => ({ id, icon, word, run, off: reason, keys, danger })
  const ctrl = t('key.ctrl')
  const acts = {
    open: entry('open', FolderOpen, t('open'), () => single && open(single), none || many, [t('key.enter')]),
    rename: entry(
      'rename',
      Pencil,
      t('rename'),
      () => setRenaming(single?.name),
      none || many || off.change,
      ['F2'],
    ),
    cut: entry('cut', Scissors, t('cut'), clip('cut'), none || held || off.change, [ctrl, 'X']),
    copy: entry('copy', Copy, t('copy'), clip('copy'), none || off.create, [ctrl, 'C']),
    duplicate: entry('duplicate', CopyPlus, t('duplicate'), () => void copy(paths, path), none || off.create),
    copyTo: entry('copy_to', FolderOutput, t('copy_to'), () => setAsked('copy'), none || off.create),
    mode: entry('mode', Shield, t('set_mode'), () => setAsked('mode'), none || held || off.change),
    properties: entry(
      'properties',
      Info,
      t('properties'),
      () => setAsked('properties'),
      selected.length > 1 ? t('off.one') : false,
      [ctrl, 'I'],
    ),
    paste: entry(
      'paste',
      ClipboardPaste,
      t('paste'),
      () => void paste(),
      clipping ? (clipping.what === 'cut' ? off.change : off.create) : t('off.nothing_cut'),
      [ctrl, 'V'],
    ),
    move: entry('move', FolderInput, t('move'), () => setAsked('move'), none || held || off.change),
    path: entry(
      'path',
      Copy,
      t('copy_path', { n: selected.length }),
      () => void copyText(paths.join('\n')).then((done) => done && toast.done(t('copied_path'))),
      none,
    ),
    delete: entry(
      'delete',
      Trash2,
      t('delete'),
      () => void remove(),
      none || off.remove,
      [t('key.delete')],
      true,
    ),
    file: entry('file', FilePlus2, t('new_file'), () => setAsked('file'), off.change),
    folder: entry('folder', FolderPlus, t('new_folder'), () => setAsked('folder'), off.create),
    upload: entry('upload', Upload, t('upload.files'), () => picker.current?.click(), off.create),
    uploadFolder: entry(
      'upload_folder',
      FolderUp,
      t('upload.folder'),
      () => folders.current?.click(),
      off.create,
    ),
    download: entry('download', Download, t('download'), () => void fetchSelected(), none || off.read),
    refresh: entry('refresh', RefreshCw, t('refresh'), () => void refreshFolders(server.id, path)),
  }
  const groups =
    selected.length > 0
      ? [
          [acts.open, acts.download, acts.rename, acts.duplicate],
          [acts.cut, acts.copy, acts.paste],
          [acts.move, acts.copyTo],
          [acts.path, acts.mode, acts.properties],
          [acts.delete],
        ]
      : [
          [acts.file, acts.folder, acts.upload, acts.uploadFolder],
          [acts.paste, acts.refresh, acts.properties],
        ]

  function onKey(event: KeyboardEvent) {
    // A checkbox or a head in the list has its own keys.
    if ((event.target as HTMLElement).closest('button, input:not([type="checkbox"])')) return
    const mod = event.ctrlKey || event.metaKey
    const run = ({ off: reason, run: act }: Entry) => (reason === false ? act() : undefined)
    const step = (by: number) =>
      setSelection((now) => stepped(now, names, by, event.shiftKey ? 'extend' : mod ? 'walk' : 'select'))
    const page = Math.max(1, Math.floor(((grid.current?.clientHeight ?? 400) - 32) / (phone ? 56 : 36)) - 1)
    const keys: Record<string, () => void> = mod
      ? {
          a: () => setSelection((now) => all(now, names)),
          x: () => run(acts.cut),
          c: () => run(acts.copy),
          i: () => run(acts.properties),
          v: () => run(acts.paste),
          f: () => document.querySelector<HTMLElement>('main input[type="search"]')?.focus(),
          arrowdown: () => step(1),
          arrowup: () => step(-1),
          ' ': () => setSelection((now) => (now.active === undefined ? now : toggled(now, now.active))),
        }
      : event.altKey
        ? { arrowup: () => path !== '/' && up() }
        : {
            arrowdown: () => step(1),
            arrowup: () => step(-1),
            pagedown: () => step(page),
            pageup: () => step(-page),
            home: () => step(-names.length),
            end: () => step(names.length),
            ' ': () => setSelection((now) => (now.active === undefined ? now : toggled(now, now.active))),
            enter: () => standing() && open(standing() as FileEntry),
            backspace: () => path !== '/' && up(),
            escape: () =>
              selection.chosen.size > 0 ? setSelection((now) => at(now.active)) : hold(undefined),
            f2: () => run(acts.rename),
            delete: () => run(acts.delete),
            contextmenu: contextByKey,
          }
    const act = event.shiftKey && event.key === 'F10' ? contextByKey : keys[event.key.toLowerCase()]
    if (!act) return
    event.preventDefault()
    act()
  }
  const standing = () => entries.find((each) => each.name === selection.active)
  const up = () => go(parent(path))
  function contextByKey() {
    const row = grid.current?.querySelector(`[data-name="${CSS.escape(selection.active ?? '')}"]`)
    const box = (row ?? grid.current)?.getBoundingClientRect()
    if (phone) setSheet(true)
    else if (box)
      (row ?? grid.current)?.dispatchEvent(
        new window.MouseEvent('contextmenu', {
          bubbles: true,
          cancelable: true,
          clientX: box.left + 80,
          clientY: row ? box.bottom - 4 : box.top + 48,
        }),
      )
  }
  /** What the right button is pressed on is what its menu is about. */
  function onContext(event: MouseEvent) {
    const name = (event.target as HTMLElement).closest<HTMLElement>('[data-name]')?.dataset.name
    if (name === undefined) setSelection((now) => at(now.active))
    else if (!selection.chosen.has(name)) setSelection(() => only(name))
    if (!phone) return
    event.preventDefault()
    setSheet(true)
  }

  const takes = (event: DragEvent, folder: string) => {
    const { types } = event.dataTransfer
    if (types.includes('Files')) return off.create === false
    if (!types.includes(DRAGGED) || off.change !== false) return false
    // What it carries is told only when it is dropped; what is dragged here is what is selected.
    return !paths.includes(folder)
  }
  function drop(event: DragEvent, folder: string) {
    event.preventDefault()
    setDropping(false)
    const { dataTransfer } = event
    if (dataTransfer.types.includes('Files')) {
      void dropped(dataTransfer).then(
        (picked) => upload(picked, folder),
        (error) => toast.error(t('drop.failed'), error),
      )
      return
    }
    const carried = dragged(dataTransfer.getData(DRAGGED))
    if (carried?.server === server.id) void move(carried.paths, folder)
  }

  const problem = query.error ? asProblem(query.error) : undefined
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping has the Upload button beside it for keyboards
    <div
      className="flex min-h-96 flex-1 flex-col px-6 pt-4 pb-4 max-sm:px-3 max-sm:pt-3"
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes('Files') || !takes(event, path)) return
        event.preventDefault()
        setDropping(true)
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropping(false)
      }}
      onDrop={(event) => takes(event, path) && drop(event, path)}
    >
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Crumbs
          server={server.id}
          path={path}
          onDrop={(event, folder) => takes(event, folder) && drop(event, folder)}
        />
        <span className="flex-1 max-sm:hidden" />
        <SearchInput
          label={t('filter')}
          hint={<Kbd>/</Kbd>}
          className="w-52 max-sm:w-auto max-sm:flex-1"
          value={needle}
          onChange={(event) => setNeedle(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') setNeedle('')
            if (event.key !== 'ArrowDown' && event.key !== 'Escape' && event.key !== 'Enter') return
            event.preventDefault()
            if (event.key !== 'Escape' && names[0] !== undefined) setSelection(() => only(names[0] as string))
            focusGrid()
          }}
        />
        <Link
          to="/servers/$server/files"
          params={{ server: server.id }}
          search={{ view: 'search', ...(path === '/' ? {} : { path }) }}
          title={t('search_all')}
          aria-label={t('search_all')}
          className={buttonClass('secondary', 'md', false, true)}
        >
          <FileSearch aria-hidden="true" size={16} strokeWidth={1.75} />
        </Link>
        <Link
          to="/servers/$server/files"
          params={{ server: server.id }}
          search={{ view: 'trash' }}
          title={t('trash')}
          aria-label={t('trash')}
          className={buttonClass('secondary', 'md', false, true)}
        >
          <Trash2 aria-hidden="true" size={16} strokeWidth={1.75} />
        </Link>
        {acts.upload.off !== false ? (
          <Button icon={Upload} iconOnly={phone} off={acts.upload.off}>
            {t('upload')}
          </Button>
        ) : (
          <Menu
            trigger={
              <Button icon={Upload} iconOnly={phone}>
                {t('upload')}
              </Button>
            }
          >
            {[acts.upload, acts.uploadFolder].map(({ id, icon, word, run }) => (
              <MenuItem key={id} icon={icon} onSelect={run}>
                {word}
              </MenuItem>
            ))}
          </Menu>
        )}
        <Menu
          trigger={
            <Button look="primary" icon={Plus}>
              {t('new')}
            </Button>
          }
        >
          {[acts.file, acts.folder].map(({ id, icon, word, off: reason, run }) => (
            <MenuItem key={id} icon={icon} off={reason} onSelect={run}>
              {word}
            </MenuItem>
          ))}
        </Menu>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label={t('upload.files')}
          onChange={(event) => {
            upload(chosen(event.target.files ?? []))
            event.target.value = ''
          }}
        />
        <input
          ref={(element) => {
            folders.current = element
            // React does not know this one.
            element?.setAttribute('webkitdirectory', '')
          }}
          type="file"
          multiple
          hidden
          aria-label={t('upload.folder')}
          onChange={(event) => {
            upload(chosen(event.target.files ?? []))
            event.target.value = ''
          }}
        />
      </div>
      {problem && (
        <FolderProblem
          problem={problem}
          server={server}
          path={path}
          onRoot={() => go('/')}
          onRetry={() => void query.refetch()}
        />
      )}
      {!problem && (
        <section
          aria-label={t('list')}
          className={cx(
            'tx relative flex min-h-0 flex-1 flex-col overflow-hidden rounded-box border bg-surface',
            dropping ? 'border-accent-line' : 'border-line',
          )}
        >
          <ContextMenu
            groups={groups}
            disabled={phone || query.isPending}
            onDone={() => window.setTimeout(() => document.activeElement === document.body && focusGrid())}
          >
            {/* biome-ignore lint/a11y/noStaticElementInteractions: the same is under the menu key */}
            <div className="flex min-h-0 flex-1 flex-col" onContextMenu={onContext}>
              {query.isPending && <SkeletonRows rows={12} height="h-9 max-sm:h-14" />}
              {query.data && entries.length === 0 && (
                <Nothing
                  needle={needle}
                  root={path === '/'}
                  acts={[acts.file, acts.upload]}
                  onClear={() => setNeedle('')}
                />
              )}
              {entries.length > 0 && (
                <FileList
                  ref={grid}
                  server={server.id}
                  folder={path}
                  entries={entries}
                  order={order}
                  selection={selection}
                  cut={cut}
                  renaming={renaming}
                  phone={phone}
                  onOrder={(by) =>
                    void navigate({
                      to: '/servers/$server/files',
                      params: { server: server.id },
                      search: { ...(path === '/' ? {} : { path }), ...sorting(turned(order, by)) },
                      replace: true,
                    })
                  }
                  onKey={onKey}
                  onPick={(name, how) => {
                    setSelection((now) =>
                      how === 'only'
                        ? only(name)
                        : how === 'toggle'
                          ? toggled(now, name)
                          : ranged(now, names, name),
                    )
                    focusGrid()
                  }}
                  onOpen={open}
                  onAll={(chosen) => setSelection((now) => (chosen ? all(now, names) : at(now.active)))}
                  onRename={async (renamed, to) => {
                    // The field goes with the old name; keys that follow at once belong to the list.
                    focusGrid()
                    try {
                      await renameEntry(server.id, path, renamed, to)
                      setSelection(() => only(to))
                    } catch (error) {
                      toast.error(t('rename.failed', { name: renamed.name }), error)
                      throw error
                    }
                  }}
                  onRenamed={() => {
                    setRenaming(undefined)
                    focusGrid()
                  }}
                  onMore={(one) => {
                    if (!selection.chosen.has(one.name)) setSelection(() => only(one.name))
                    if (phone) setSheet(true)
                    else window.setTimeout(contextByKey)
                  }}
                  onEnd={onEnd}
                  onDrag={(event, one) => {
                    const name = one.name
                    const list = selection.chosen.has(name) ? paths : [join(path, name)]
                    if (!selection.chosen.has(name)) setSelection(() => only(name))
                    event.dataTransfer.effectAllowed = 'move'
                    event.dataTransfer.setData(DRAGGED, JSON.stringify({ server: server.id, paths: list }))
                    event.dataTransfer.setData('text/plain', list.join('\n'))
                  }}
                  takes={takes}
                  onDrop={drop}
                />
              )}
            </div>
          </ContextMenu>
          <div className="num flex min-h-8 shrink-0 items-center gap-3 border-t border-line px-4 text-12 text-t3">
            <span role="status">
              {query.data &&
                (needle
                  ? t('count.of', { n: entries.length, all: total })
                  : t(truncated ? 'count.truncated' : 'count', { n: total }))}
            </span>
            {query.isFetchingNextPage && <span>{t('count.more')}</span>}
            {working && (
              <span role="status" className="flex items-center gap-2 text-t2">
                <Spinner size={12} />
                {t(`working.${working.what}`, { at: working.at, n: working.n })}
              </span>
            )}
            <span className="flex-1" />
            {clipping && (
              <button type="button" className="hit hover:text-t1" onClick={() => hold(undefined)}>
                {t(clipping.what === 'cut' ? 'clip.held' : 'clip.held_copy', { n: clipping.paths.length })}
              </button>
            )}
          </div>
          {dropping && (
            <div className="files-veil">
              <p className="title text-16">
                {t('drop.here', { folder: path === '/' ? t('path.root') : visible(nameOf(path)) })}
              </p>
            </div>
          )}
        </section>
      )}
      {selected.length > 0 && (
        <Bar
          n={selected.length}
          size={selected.reduce((sum, each) => sum + (each.kind === 'directory' ? 0 : each.size_bytes), 0)}
          phone={phone}
          acts={[acts.download, acts.move, acts.rename, acts.delete].filter(
            ({ id }) => id !== 'rename' || single,
          )}
          onMore={() => (phone ? setSheet(true) : contextByKey())}
          onClear={() => {
            setSelection((now) => at(now.active))
            focusGrid()
          }}
        />
      )}
      <ActionSheet
        open={sheet}
        title={single ? single.name : t('selected', { n: selected.length })}
        groups={groups}
        onClose={() => setSheet(false)}
      />
      <MoveDialog
        open={asked === 'move' || asked === 'copy'}
        server={server.id}
        paths={paths}
        what={asked === 'copy' ? 'copy' : 'move'}
        onClose={() => setAsked(undefined)}
        onMove={(folder) => (asked === 'copy' ? copy(paths, folder) : move(paths, folder))}
      />
      <ModeDialog
        open={asked === 'mode'}
        paths={paths}
        mode={selected[0]?.mode ?? 0o644}
        onClose={() => setAsked(undefined)}
        onMode={(mode) => setMode(server.id, path, paths, mode)}
      />
      <Properties
        server={server}
        path={asked === 'properties' ? (paths[0] ?? path) : undefined}
        onClose={() => setAsked(undefined)}
      />
      <NameDialog
        open={asked === 'folder' || asked === 'file'}
        title={t(asked === 'folder' ? 'new_folder' : 'new_file')}
        verb={t('create')}
        initial=""
        onClose={() => setAsked(undefined)}
        onName={async (name) => {
          if (asked === 'folder') {
            await createFolder(server.id, join(path, name))
            setSelection(() => only(name))
            return
          }
          await createFile(server.id, join(path, name))
          await navigate({
            to: '/servers/$server/files',
            params: { server: server.id },
            search: { ...(path === '/' ? {} : { path }), edit: join(path, name) },
          })
        }}
      />
    </div>
  )
}

function sorting(order: Order): { sort?: string } {
  const sort = orderText(order)
  return sort ? { sort } : {}
}

/** Another program may drop anything under our name. */
function dragged(text: string): { server: string; paths: string[] } | undefined {
  try {
    const { server, paths } = JSON.parse(text) as { server?: unknown; paths?: unknown }
    const list = Array.isArray(paths) ? paths.filter((each) => typeof each === 'string') : []
    return typeof server === 'string' ? { server, paths: list } : undefined
  } catch {
    return undefined
  }
}

/** Reads folders anew in which uploads have ended; a burst of them is one reading. */
function useLanded(server: string): void {
  useEffect(() => {
    const waiting = new Set<string>()
    let timer: number | undefined
    const end = uploads.onLanded((of, landed) => {
      if (of !== server) return
      waiting.add(parent(`/${landed.replace(/^\/+/, '')}`))
      timer ??= window.setTimeout(() => {
        timer = undefined
        // A folder that came with them is news to all above it.
        void refreshFolders(
          server,
          ...[...waiting].flatMap((each) => ['/', ...steps(each).map((step) => step.path)]),
        )
        waiting.clear()
      }, 300)
    })
    return () => {
      end()
      window.clearTimeout(timer)
    }
  }, [server])
}

/** Starts anew in each folder; going up, the keyboard stands on the folder that one comes from. */
function useSelection(path: string, names: readonly string[]) {
  const [selection, setSelection] = useState<Selection>(NOTHING)
  const before = useRef({ path, names })
  useEffect(() => {
    const { path: was, names: had } = before.current
    before.current = { path, names }
    if (was === path) setSelection((now) => kept(now, had, names))
    else setSelection(at(parent(was) === path ? nameOf(was) : undefined))
  }, [path, names])
  return { selection, setSelection }
}

function Nothing({
  needle,
  root,
  acts,
  onClear,
}: {
  needle: string
  root: boolean
  acts: Entry[]
  onClear: () => void
}) {
  if (needle)
    return (
      <Empty title={t('none_found')} action={<Button onClick={onClear}>{t('filter.clear')}</Button>}>
        {t('none_found.note')}
      </Empty>
    )
  return (
    <Empty
      title={t(root ? 'empty.root' : 'empty')}
      action={acts.map(({ id, icon, word, off, run }) => (
        <Button key={id} icon={icon} off={off} onClick={run}>
          {word}
        </Button>
      ))}
    >
      {t(root ? 'empty.root_note' : 'empty.drop')}
    </Empty>
  )
}

function FolderProblem({
  problem,
  server,
  path,
  onRoot,
  onRetry,
}: {
  problem: ReturnType<typeof asProblem>
  server: Server
  path: string
  onRoot: () => void
  onRetry: () => void
}) {
  const gone = ['file_not_found', 'not_a_directory'].includes(problem.code)
  const away = problem.code === 'node_offline'
  if (!gone && !away) return <ProblemView error={problem} onRetry={onRetry} />
  return (
    <section className="rounded-box border border-line bg-surface">
      <Empty
        title={gone ? t('gone', { folder: visible(path) }) : t('away', { node: server.node.name })}
        action={
          <Button onClick={gone ? onRoot : onRetry} icon={gone ? FolderOpen : RefreshCw}>
            {t(gone ? 'gone.root' : 'away.retry')}
          </Button>
        }
      >
        {t(gone ? 'gone.note' : 'away.note')}
      </Empty>
    </section>
  )
}

/** What can be done with what is selected, above the list's end. */
function Bar({
  n,
  size,
  phone,
  acts,
  onMore,
  onClear,
}: {
  n: number
  size: number
  phone: boolean
  acts: Entry[]
  onMore: () => void
  onClear: () => void
}) {
  return (
    <div
      role="toolbar"
      aria-label={t('bar')}
      className="files-bar rise fixed bottom-4 left-1/2 z-(--z-bulk) flex h-12 -translate-x-1/2 items-center gap-1.5 rounded-box border border-line-2 bg-overlay pr-2 pl-4 shadow-float"
    >
      <span className="num mr-1.5 font-medium whitespace-nowrap">
        {t('selected', { n })}
        {size > 0 && <span className="ml-2 font-normal text-t3 max-md:hidden">{bytesText(size)}</span>}
      </span>
      <span className="flex-1" />
      {acts.map(({ id, icon, word, off, danger, run }) => (
        <Button
          key={id}
          size="sm"
          icon={icon}
          iconOnly={phone}
          look={danger ? 'danger' : 'secondary'}
          off={off}
          onClick={run}
        >
          {word}
        </Button>
      ))}
      <Button size="sm" icon={Ellipsis} iconOnly={phone} onClick={onMore}>
        {t('more_actions')}
      </Button>
      <Button size="sm" look="quiet" icon={X} iconOnly={phone} onClick={onClear}>
        {t('clear')}
      </Button>
    </div>
  )
}
