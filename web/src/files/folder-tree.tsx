// biome-ignore-all lint/a11y/useFocusableInteractive: one focus for the whole list, which tells where it stands
import { useInfiniteQuery } from '@tanstack/react-query'
import { ChevronRight, Folder, FolderRoot } from 'lucide-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { filesQuery } from '~/api/files'
import { texts } from '~/i18n/texts'
import { Spinner } from '~/ui/spinner'
import { cx } from '~/util/cx'
import { join, nameOf, parent, steps, within } from '~/util/path'
import { visible } from '~/util/visible'

const t = texts('files')

interface Props {
  server: string
  value: string
  onChange: (folder: string) => void
  /** Folders that can't be taken, with all in them. */
  not: readonly string[]
}

/** Folders only, each read when it is opened. */
export function FolderTree({ server, value, onChange, not }: Props) {
  const [open, setOpen] = useState<ReadonlySet<string>>(
    () => new Set(['/', ...steps(parent(value)).map((step) => step.path)]),
  )
  const tree = useRef<HTMLDivElement>(null)
  const turn = (path: string, to: boolean) =>
    setOpen((now) => {
      const next = new Set(now)
      if (to) next.add(path)
      else next.delete(path)
      return next
    })
  useEffect(() => {
    tree.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [])

  function onKey(event: KeyboardEvent) {
    const items = [...(tree.current?.querySelectorAll<HTMLElement>('[role="treeitem"]') ?? [])]
    const here = items.findIndex((item) => item.dataset.path === value)
    const to = (at: number) => {
      const path = items[Math.min(items.length - 1, Math.max(0, at))]?.dataset.path
      if (path === undefined) return
      onChange(path)
      items[at]?.scrollIntoView({ block: 'nearest' })
    }
    const acts: Record<string, () => void> = {
      arrowdown: () => to(here + 1),
      arrowup: () => to(here - 1),
      home: () => to(0),
      end: () => to(items.length - 1),
      arrowright: () => (open.has(value) ? to(here + 1) : turn(value, true)),
      arrowleft: () => (open.has(value) && value !== '/' ? turn(value, false) : onChange(parent(value))),
    }
    const act = acts[event.key.toLowerCase()]
    if (!act) return
    event.preventDefault()
    act()
  }

  return (
    <div
      ref={tree}
      role="tree"
      tabIndex={0}
      aria-label={t('move.tree')}
      aria-activedescendant={`tree-${encodeURIComponent(value)}`}
      onKeyDown={onKey}
      className="files-tree"
    >
      <Branch {...{ server, value, onChange, not, open, turn }} path="/" level={1} />
    </div>
  )
}

interface BranchProps extends Props {
  path: string
  level: number
  open: ReadonlySet<string>
  turn: (path: string, to: boolean) => void
}

function Branch(props: BranchProps) {
  const { server, path, level, value, onChange, not, open, turn } = props
  const isOpen = open.has(path)
  const query = useInfiniteQuery({ ...filesQuery(server, path), enabled: isOpen })
  const folders = (query.data?.pages.flatMap((page) => page.items) ?? [])
    .filter((entry) => entry.kind === 'directory')
    .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
  const off = not.some((folder) => within(path, folder))
  const known = query.data !== undefined && !query.hasNextPage
  const leaf = known && folders.length === 0
  const Icon = path === '/' ? FolderRoot : Folder
  useEffect(() => {
    if (isOpen && query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage()
  }, [isOpen, query])
  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys */}
      <div
        id={`tree-${encodeURIComponent(path)}`}
        role="treeitem"
        data-path={path}
        aria-level={level}
        aria-selected={path === value}
        aria-expanded={leaf ? undefined : isOpen}
        aria-disabled={off || undefined}
        onClick={() => onChange(path)}
        onDoubleClick={() => turn(path, !isOpen)}
        style={{ paddingLeft: (level - 1) * 16 }}
        className={cx(
          'flex h-8 cursor-pointer items-center rounded-in pr-2 max-sm:h-11',
          path === value ? 'bg-accent-tint text-t1' : 'text-t2 hover:bg-surface-2',
          off && 'text-off',
        )}
      >
        <span
          aria-hidden="true"
          onClick={(event) => {
            event.stopPropagation()
            turn(path, !isOpen)
          }}
          className={cx(
            'flex size-7 shrink-0 items-center justify-center max-sm:size-11',
            leaf && 'invisible',
          )}
        >
          {isOpen && query.isPending ? <Spinner size={12} /> : <ChevronRight size={14} />}
        </span>
        <Icon aria-hidden="true" size={16} strokeWidth={1.75} className="mr-2 shrink-0 text-accent" />
        <span className="mono truncate text-12">{path === '/' ? t('path.root') : visible(nameOf(path))}</span>
      </div>
      {isOpen &&
        folders.map(({ name }) => <Branch key={name} {...props} path={join(path, name)} level={level + 1} />)}
    </>
  )
}
