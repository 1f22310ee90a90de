// biome-ignore-all lint/a11y/useFocusableInteractive: one focus for the whole list, which tells where it stands
import { Link } from '@tanstack/react-router'
import { ArrowDown, ArrowUp, Ellipsis, Lock } from 'lucide-react'
import {
  type DragEvent,
  type KeyboardEvent,
  type MouseEvent,
  type Ref,
  useEffect,
  useId,
  useRef,
  useState,
} from 'react'
import type { FileEntry } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Ago } from '~/ui/time'
import { cx } from '~/util/cx'
import { bytesText } from '~/util/format'
import { badName, join, stemLength } from '~/util/path'
import { visible } from '~/util/visible'
import { iconOf, isArchive, modeText, octal } from './kinds'
import { COLUMNS, type Column, type Order } from './order'
import type { Selection } from './selection'
import { useRows } from './use-rows'

const t = texts('files')

const HEAD = 32

interface Props {
  server: string
  folder: string
  entries: readonly FileEntry[]
  order: Order
  selection: Selection
  /** Those that were cut and wait to be pasted. */
  cut: ReadonlySet<string>
  renaming: string | undefined
  phone: boolean
  ref?: Ref<HTMLDivElement>
  onOrder: (by: Column) => void
  onKey: (event: KeyboardEvent) => void
  onPick: (name: string, how: 'only' | 'toggle' | 'range') => void
  onOpen: (entry: FileEntry) => void
  onAll: (chosen: boolean) => void
  onRename: (entry: FileEntry, name: string) => Promise<void>
  onRenamed: () => void
  /** The three points of a row on a phone. */
  onMore: (entry: FileEntry) => void
  /** Near the end of what is here. */
  onEnd: () => void
  onDrag: (event: DragEvent, entry: FileEntry) => void
  /** A row is held; it may be dragged next. */
  onHold: () => void
  /** What is dragged may be dropped here. */
  takes: (event: DragEvent, folder: string) => boolean
  onDrop: (event: DragEvent, folder: string) => void
}

/**
 * The list: a grid with one stop for the keyboard, that knows where it stands. Only the rows in view are drawn. A
 * click on a name opens, beside it selects.
 */
export function FileList(props: Props) {
  const { entries, selection, order, phone, onKey, onEnd } = props
  const scroller = useRef<HTMLDivElement>(null)
  const id = useId()
  const height = phone ? 56 : 36
  const { first, end } = useRows(scroller, height, entries.length, HEAD)
  const active = selection.active === undefined ? -1 : entries.findIndex((e) => e.name === selection.active)
  const drawn = active >= first && active < end

  useEffect(() => {
    if (end >= entries.length - 50) onEnd()
  }, [end, entries.length, onEnd])

  // Where the keyboard stands is always in view.
  useEffect(() => {
    const element = scroller.current
    if (!element || active < 0) return
    const [top, bottom] = [active * height, (active + 1) * height + HEAD]
    // Under the head, and above the bar that floats while something is selected.
    if (top < element.scrollTop) element.scrollTop = top
    else if (bottom > element.scrollTop + element.clientHeight - 72)
      element.scrollTop = bottom - element.clientHeight + 72
  }, [active, height])

  const some = selection.chosen.size > 0
  const every = some && entries.every((entry) => selection.chosen.has(entry.name))
  return (
    <div
      ref={(element) => {
        scroller.current = element
        if (typeof props.ref === 'function') props.ref(element)
        else if (props.ref) props.ref.current = element
      }}
      role="grid"
      aria-label={t('list')}
      aria-multiselectable="true"
      aria-rowcount={entries.length + 1}
      aria-activedescendant={drawn ? `${id}-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKey}
      className="files-list relative min-h-0 flex-1"
    >
      <div role="rowgroup" className="files-head max-sm:hidden">
        <div role="row" aria-rowindex={1} className="files-grid h-full">
          <div role="columnheader" className="flex pl-4">
            <Checkbox
              aria-label={t('select_all')}
              checked={every}
              ref={(box) => {
                if (box) box.indeterminate = some && !every
              }}
              onChange={(event) => props.onAll(event.target.checked)}
            />
          </div>
          {COLUMNS.map((column) => (
            <Head key={column} column={column} order={order} onOrder={props.onOrder} />
          ))}
          <div role="columnheader" className="pl-4 max-md:hidden">
            {t('mode')}
          </div>
          <div role="columnheader">
            <span className="sr-only">{t('actions')}</span>
          </div>
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: entries.length * height + (some ? 80 : 8) }}>
        {entries.slice(first, end).map((entry, n) => (
          <Row
            key={entry.name}
            {...props}
            entry={entry}
            id={`${id}-${first + n}`}
            index={first + n}
            top={(first + n) * height}
            height={height}
            standing={first + n === active}
            chosen={selection.chosen.has(entry.name)}
          />
        ))}
      </div>
    </div>
  )
}

function Head({ column, order, onOrder }: { column: Column; order: Order; onOrder: (by: Column) => void }) {
  const on = order.by === column
  const Arrow = order.descending ? ArrowDown : ArrowUp
  return (
    <div
      role="columnheader"
      aria-sort={on ? (order.descending ? 'descending' : 'ascending') : 'none'}
      data-right={column !== 'name' || undefined}
    >
      <button
        type="button"
        onClick={() => onOrder(column)}
        className={cx('tx hover:text-t1', on && 'font-medium text-t2')}
      >
        {{ name: t('name'), size: t('size'), modified: t('changed') }[column]}
        <Arrow aria-hidden="true" size={12} className={on ? '' : 'opacity-0'} />
      </button>
    </div>
  )
}

interface RowProps extends Props {
  entry: FileEntry
  id: string
  index: number
  top: number
  height: number
  standing: boolean
  chosen: boolean
}

function how(event: MouseEvent): 'only' | 'toggle' | 'range' {
  if (event.shiftKey) return 'range'
  return event.ctrlKey || event.metaKey ? 'toggle' : 'only'
}

function Row(props: RowProps) {
  const { server, folder, entry, id, index, top, height, standing, chosen, cut, renaming, phone } = props
  const [over, setOver] = useState(false)
  const path = join(folder, entry.name)
  const directory = entry.kind === 'directory'
  const Icon = iconOf(entry)
  const name = visible(entry.name)
  const being = renaming === entry.name
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys
    <div
      id={id}
      role="row"
      data-name={entry.name}
      aria-rowindex={index + 2}
      aria-selected={chosen}
      draggable={!phone && !being}
      onClick={(event) => {
        if (being || (event.target as HTMLElement).closest('[data-own]')) return
        props.onPick(entry.name, how(event))
      }}
      onDoubleClick={(event) => {
        if (!being && !(event.target as HTMLElement).closest('[data-own]')) props.onOpen(entry)
      }}
      onPointerDown={phone ? undefined : props.onHold}
      onDragStart={(event) => props.onDrag(event, entry)}
      onDragOver={(event) => {
        if (!directory || !props.takes(event, path)) return
        event.preventDefault()
        event.stopPropagation()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false)
        if (!directory || !props.takes(event, path)) return
        event.preventDefault()
        event.stopPropagation()
        props.onDrop(event, path)
      }}
      style={{ transform: `translateY(${top}px)`, height }}
      data-standing={standing}
      data-cut={cut.has(entry.name)}
      className={cx('files-grid files-row hoverable', over && 'files-over')}
    >
      <div role="gridcell" className="flex pl-4" data-own onMouseDown={(event) => event.preventDefault()}>
        <Checkbox
          tabIndex={-1}
          aria-label={t('select', { name })}
          checked={chosen}
          onChange={() => props.onPick(entry.name, 'toggle')}
        />
      </div>
      <div role="gridcell" className="flex min-w-0 items-center gap-2.5 pr-3">
        <Icon
          aria-hidden="true"
          size={16}
          strokeWidth={1.75}
          className={cx('shrink-0', directory ? 'text-accent' : 'text-t3')}
        />
        {being ? (
          <Renaming entry={entry} onName={(to) => props.onRename(entry, to)} onDone={props.onRenamed} />
        ) : (
          <span className="min-w-0 flex-1">
            <Link
              to="/servers/$server/files"
              params={{ server }}
              search={
                directory
                  ? { path }
                  : entry.kind === 'file' && isArchive(entry.name)
                    ? { view: 'archive', path }
                    : { ...(folder === '/' ? {} : { path: folder }), edit: path }
              }
              tabIndex={-1}
              draggable={false}
              preload={false}
              title={entry.name.length > 40 ? name : undefined}
              onClick={(event) => {
                // With Ctrl or Shift a name is picked like the row that it is in.
                if (how(event) !== 'only') event.preventDefault()
              }}
              data-open
              className="mono inline-flex max-w-full items-center truncate text-12 leading-6 text-t1 outline-none hover:text-accent max-sm:text-13"
            >
              <span className="truncate">{name}</span>
            </Link>
            {entry.target && !phone && (
              <span className="mono ml-2 text-12 text-t3">{`→ ${visible(entry.target)}`}</span>
            )}
            {entry.kept_back && (
              <span
                role="img"
                aria-label={t('off.kept_back')}
                title={t('off.kept_back')}
                className="ml-2 text-t3"
              >
                <Lock aria-hidden="true" size={12} className="inline" />
              </span>
            )}
            {phone && (
              <span className="num block truncate text-12 text-t3">
                {!directory && <>{bytesText(entry.size_bytes)} · </>}
                <Ago at={entry.modified_at} />
              </span>
            )}
          </span>
        )}
      </div>
      <div role="gridcell" className="num text-right text-t2 max-sm:hidden">
        {directory ? '' : bytesText(entry.size_bytes)}
      </div>
      <div role="gridcell" className="num truncate text-right text-t2 max-sm:hidden">
        <Ago at={entry.modified_at} />
      </div>
      <div role="gridcell" className="mono pl-4 text-12 text-t3 max-md:hidden" title={octal(entry.mode)}>
        {modeText(entry.mode)}
      </div>
      <div role="gridcell" className="flex justify-center" data-own>
        <button
          type="button"
          tabIndex={-1}
          aria-label={t('actions_of', { name })}
          title={t('actions')}
          onClick={() => props.onMore(entry)}
          className="on-hover tx flex size-6 items-center justify-center rounded-xs text-t3 hover:bg-surface-3 hover:text-t1 max-sm:size-11"
        >
          <Ellipsis aria-hidden="true" size={16} />
        </button>
      </div>
    </div>
  )
}

function Renaming({
  entry,
  onName,
  onDone,
}: {
  entry: FileEntry
  onName: (name: string) => Promise<void>
  onDone: () => void
}) {
  const [name, setName] = useState(entry.name)
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const bad = name === entry.name ? undefined : badName(name)
  useEffect(() => {
    field.current?.focus()
    field.current?.setSelectionRange(
      0,
      entry.kind === 'directory' ? entry.name.length : stemLength(entry.name),
    )
  }, [entry.name, entry.kind])
  async function commit() {
    if (busy) return
    if (name === entry.name) return onDone()
    if (bad) return
    setBusy(true)
    try {
      await onName(name)
      onDone()
    } catch {
      // It was said; the field stays for another try.
      setBusy(false)
      field.current?.focus()
    }
  }
  return (
    <span data-own className="relative flex min-w-0 flex-1">
      <input
        ref={field}
        aria-label={t('rename.to', { name: visible(entry.name) })}
        aria-invalid={bad ? true : undefined}
        aria-describedby={bad ? 'rename-bad' : undefined}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="none"
        value={name}
        readOnly={busy}
        onChange={(event) => setName(event.target.value)}
        onBlur={() => (bad ? onDone() : void commit())}
        onKeyDown={(event) => {
          event.stopPropagation()
          if (event.key === 'Enter') void commit()
          if (event.key === 'Escape') onDone()
        }}
        className="files-rename mono"
      />
      {bad && (
        <span id="rename-bad" role="alert" className="files-bad">
          {bad}
        </span>
      )}
    </span>
  )
}
