import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react'
import { asProblem } from '~/api/problem'
import type { Server } from '~/api/types'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { ContextMenu } from '~/ui/context-menu'
import { SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { join, nameOf, parent } from '~/util/path'
import { visible } from '~/util/visible'
import { type Asked, actions, menuGroups } from './actions'
import { ArchiveStrip } from './archive-strip'
import { renameEntry } from './calls'
import { FolderDialogs } from './folder-dialogs'
import { FolderFoot } from './folder-foot'
import { FolderProblem, Nothing } from './folder-states'
import { onListKey, pageOf } from './keys'
import { isArchive } from './kinds'
import { FileList } from './list'
import { type Order, turned } from './order'
import { all, at, only, ranged, toggled } from './selection'
import { SelectionBar } from './selection-bar'
import { ActionSheet } from './sheet'
import { Toolbar } from './toolbar'
import { type Picker, UploadInputs } from './upload-inputs'
import { useDrag } from './use-drag'
import { useFolder } from './use-folder'
import { useLanded } from './use-landed'
import { useRowMenu } from './use-row-menu'
import { useSelection } from './use-selection'
import { useWays } from './use-ways'
import { useWork } from './use-work'
import './files.css'

const t = texts('files')

export function FileManager({ server, path, order }: { server: Server; path: string; order: Order }) {
  const phone = useMedia('(max-width: 639px)')
  const [needle, setNeedle] = useState('')
  const { query, entries, onEnd, total, truncated } = useFolder(server.id, path, order, needle)
  const names = useMemo(() => entries.map((entry) => entry.name), [entries])
  const { selection, setSelection } = useSelection(path, names)
  const [asked, setAsked] = useState<Asked>()
  const [renaming, setRenaming] = useState<string>()
  const grid = useRef<HTMLDivElement>(null)
  const picker = useRef<Picker>(null)
  const selected = entries.filter((entry) => selection.chosen.has(entry.name))
  const paths = selected.map((entry) => join(path, entry.name))
  const single = selected.length === 1 ? selected[0] : undefined
  const ways = useWays(server.id, path, order)
  const work = useWork(server, path)
  const drag = useDrag(server.id, path, paths, work)
  const menu = useRowMenu(grid, phone, selection, setSelection)
  const { clipping } = work
  const cut = useMemo(
    () =>
      new Set(
        clipping?.what === 'cut' ? clipping.paths.filter((each) => parent(each) === path).map(nameOf) : [],
      ),
    [clipping, path],
  )
  const focusGrid = () => grid.current?.focus({ preventScroll: true })

  // The list goes while another folder is read: the keys that were in it are in the next one too.
  const settled = query.isPending ? undefined : path
  const shown = useRef(settled)
  useEffect(() => {
    if (settled === undefined || shown.current === settled) return
    const first = shown.current === undefined
    shown.current = settled
    if (!first && document.activeElement === document.body) grid.current?.focus({ preventScroll: true })
  }, [settled])

  // biome-ignore lint/correctness/useExhaustiveDependencies: anew in each folder
  useEffect(() => {
    setNeedle('')
    setRenaming(undefined)
  }, [path])

  useLanded(server.id)

  const acts = actions({
    server,
    path,
    selected,
    paths,
    work,
    onOpen: ways.open,
    onRename: setRenaming,
    onAsk: setAsked,
    onUpload: (what) => picker.current?.ask(what),
  })
  const groups = menuGroups(acts, selected.length > 0, single?.kind === 'file' && isArchive(single.name))

  const onKey = (event: KeyboardEvent) =>
    onListKey(event, {
      names,
      entries,
      selection,
      setSelection,
      page: pageOf(grid.current, phone),
      acts,
      ways,
      onMenu: menu.byKey,
    })

  const problem = query.error ? asProblem(query.error) : undefined
  return (
    // What can be dropped here goes by the Upload button too.
    <div className="flex min-h-96 flex-1 flex-col px-6 pt-4 pb-4 max-sm:px-3 max-sm:pt-3" {...drag.around}>
      <Toolbar
        server={server}
        path={path}
        needle={needle}
        phone={phone}
        acts={acts}
        onNeedle={setNeedle}
        onDown={(first) => {
          if (first && names[0] !== undefined) setSelection(() => only(names[0] as string))
          focusGrid()
        }}
        onDrop={(event, folder) => drag.takes(event, folder) && drag.drop(event, folder)}
      />
      <UploadInputs ref={picker} onPicked={work.upload} />
      <ArchiveStrip server={server.id} />
      {problem && (
        <FolderProblem
          problem={problem}
          server={server}
          path={path}
          onRoot={() => ways.go('/')}
          onRetry={() => void query.refetch()}
        />
      )}
      {!problem && (
        <section
          aria-label={t('list')}
          className={cx(
            'tx relative flex min-h-0 flex-1 flex-col overflow-hidden rounded-box border bg-surface',
            drag.dropping ? 'border-accent-line' : 'border-line',
          )}
        >
          <ContextMenu
            groups={groups}
            disabled={phone || query.isPending}
            onDone={() => window.setTimeout(() => document.activeElement === document.body && focusGrid())}
          >
            {/* biome-ignore lint/a11y/noStaticElementInteractions: the same is under the menu key */}
            <div className="flex min-h-0 flex-1 flex-col" onContextMenu={menu.onContext}>
              {query.isPending && <SkeletonRows rows={12} height="h-9 max-sm:h-14" />}
              {query.data && entries.length === 0 && (
                // Pasting and going up are done by keys here too.
                <div
                  ref={grid}
                  role="group"
                  aria-label={t('list')}
                  tabIndex={0}
                  onKeyDown={onKey}
                  className="flex flex-1 flex-col focus-visible:outline-2 focus-visible:-outline-offset-2 focus-visible:outline-focus"
                >
                  <Nothing
                    needle={needle}
                    root={path === '/'}
                    acts={[acts.file, acts.upload]}
                    onClear={() => setNeedle('')}
                  />
                </div>
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
                  onOrder={(by) => ways.sort(turned(order, by))}
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
                  onOpen={ways.open}
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
                  onMore={(one) => menu.ofRow(one.name)}
                  onEnd={onEnd}
                  onDrag={(event, one) => {
                    if (!selection.chosen.has(one.name)) setSelection(() => only(one.name))
                    drag.begin(
                      event,
                      (selection.chosen.has(one.name) ? selected : [one]).map(({ name, kind }) => ({
                        path: join(path, name),
                        file: kind === 'file',
                      })),
                    )
                  }}
                  onHold={drag.ready}
                  takes={drag.takes}
                  onDrop={drag.drop}
                />
              )}
            </div>
          </ContextMenu>
          <FolderFoot
            count={
              query.data &&
              (needle
                ? t('count.of', { n: entries.length, all: total })
                : t(truncated ? 'count.truncated' : 'count', { n: total }))
            }
            more={query.isFetchingNextPage}
            working={work.working}
            clipping={clipping}
          />
          {drag.dropping && (
            <div className="files-veil">
              <p className="title text-16">
                {t('drop.here', { folder: path === '/' ? t('path.root') : visible(nameOf(path)) })}
              </p>
            </div>
          )}
        </section>
      )}
      {selected.length > 0 && (
        <SelectionBar
          n={selected.length}
          size={selected.reduce((sum, each) => sum + (each.kind === 'directory' ? 0 : each.size_bytes), 0)}
          phone={phone}
          acts={[acts.download, acts.move, acts.rename, acts.delete].filter(
            ({ id }) => id !== 'rename' || single,
          )}
          onMore={menu.byKey}
          onClear={() => {
            setSelection((now) => at(now.active))
            focusGrid()
          }}
        />
      )}
      <ActionSheet
        open={menu.sheet}
        title={single ? single.name : t('selected', { n: selected.length })}
        groups={groups}
        onClose={menu.close}
      />
      <FolderDialogs
        server={server}
        path={path}
        selected={selected}
        paths={paths}
        asked={asked}
        work={work}
        onClose={() => setAsked(undefined)}
        onMade={(name) => setSelection(() => only(name))}
        onEdit={ways.edit}
      />
    </div>
  )
}
