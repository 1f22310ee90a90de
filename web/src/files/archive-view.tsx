import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { ChevronRight, FileArchive, PackageOpen } from 'lucide-react'
import { type KeyboardEvent, useRef, useState } from 'react'
import type { ArchiveEntry, Server } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { ExtractForm } from '~/forms/archive-extract'
import { texts } from '~/i18n/texts'
import { Checkbox, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { bytesText } from '~/util/format'
import { join, nameOf, parent, steps } from '~/util/path'
import { visible } from '~/util/visible'
import { archiveQuery } from './archive-calls'
import { ArchiveStrip } from './archive-strip'
import { BackLink } from './back-link'
import { iconOf } from './kinds'
import { filesOff } from './rights'

const t = texts('archives')
const files = texts('files')
const dialogs = texts('file_dialogs')

/** An archive as if it were a folder: read only, and unpacked as a whole or in parts. */
export default function ArchiveView({
  server,
  path,
  inside,
}: {
  server: Server
  path: string
  inside: string
}) {
  const query = useInfiniteQuery(archiveQuery(server.id, path, inside))
  const [chosen, setChosen] = useState<{ of: string; names: readonly string[] }>({ of: inside, names: [] })
  const [asked, setAsked] = useState(false)
  const navigate = useNavigate()
  const list = useRef<HTMLUListElement>(null)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const [first] = query.data?.pages ?? []
  // Anew in each folder.
  const names = chosen.of === inside ? chosen.names : []
  const some = names.length > 0
  const every = some && names.length === items.length
  const off = filesOff(server)
  const choose = (to: readonly string[]) => setChosen({ of: inside, names: to })
  const turn = (name: string) =>
    choose(names.includes(name) ? names.filter((each) => each !== name) : [...names, name])
  /** The keys of the list of files, as far as they make sense here. */
  function onKey(event: KeyboardEvent) {
    if ((event.target as HTMLElement).closest('[role="dialog"]')) return
    const boxes = [...(list.current?.querySelectorAll<HTMLInputElement>('input') ?? [])]
    const at = boxes.findIndex((box) => box.closest('li')?.contains(event.target as Node))
    const step = (to: number) => boxes[Math.min(boxes.length - 1, Math.max(0, to))]?.focus()
    const keys: Record<string, (() => void) | undefined> = {
      arrowdown: () => step(at + 1),
      arrowup: () => step(at - 1),
      home: at < 0 ? undefined : () => step(0),
      end: at < 0 ? undefined : () => step(boxes.length - 1),
      enter: (event.target as HTMLElement).matches('input')
        ? () => boxes[at]?.closest('li')?.querySelector('a')?.click()
        : undefined,
      escape: some ? () => choose([]) : undefined,
      backspace: () => void navigate(upFrom(server.id, path, inside)),
    }
    const act = keys[event.key.toLowerCase()]
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    act()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of what is in it
    <div className="flex flex-1 flex-col gap-3 px-6 pt-4 pb-4 max-sm:px-3 max-sm:pt-3" onKeyDown={onKey}>
      <div className="flex flex-wrap items-center gap-2">
        <BackLink server={server.id} folder={parent(path)} word={dialogs('trash.back')} />
        <Way server={server.id} path={path} inside={inside} />
        <span className="flex-1 max-sm:hidden" />
        <Tag>{t('read_only')}</Tag>
        <Button
          look="primary"
          icon={PackageOpen}
          className="max-sm:ml-auto"
          off={off.pack}
          onClick={() => setAsked(true)}
        >
          {some ? t('unpack.chosen', { n: names.length }) : t('unpack.all')}
        </Button>
      </div>
      <div className="-mb-3 empty:hidden">
        <ArchiveStrip server={server.id} />
      </div>
      {query.isError && <ProblemView error={query.error} onRetry={() => void query.refetch()} />}
      {!query.isError && (
        <section aria-label={t('content')} className="rounded-box border border-line bg-surface">
          {query.isPending && <SkeletonRows rows={6} height="h-9 max-sm:h-14" />}
          {first && items.length === 0 && <Empty title={t('empty')} />}
          {items.length > 0 && (
            <div className={`${GRID} h-8 border-b border-line text-12 text-t3`}>
              <span className="flex pl-4">
                <Checkbox
                  aria-label={files('select_all')}
                  checked={every}
                  ref={(box) => {
                    if (box) box.indeterminate = some && !every
                  }}
                  onChange={(event) => choose(event.target.checked ? items.map(({ name }) => name) : [])}
                />
              </span>
              <span>{files('name')}</span>
              <span className="text-right max-sm:hidden">{files('size')}</span>
              <span className="pr-4 text-right max-sm:hidden">{files('changed')}</span>
            </div>
          )}
          <ul ref={list}>
            {items.map((entry) => (
              <Row
                key={`${entry.kind}/${entry.name}`}
                server={server.id}
                path={path}
                inside={inside}
                entry={entry}
                chosen={names.includes(entry.name)}
                onTurn={() => turn(entry.name)}
              />
            ))}
          </ul>
          {query.hasNextPage && (
            <div className="px-4 py-2">
              <Button size="sm" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t('more')}
              </Button>
            </div>
          )}
          {first && (
            <p role="status" className="num px-4 py-2 text-12 text-t3">
              {t('count', { n: first.total, all: first.entries, format: first.format })}
            </p>
          )}
        </section>
      )}
      <Dialog
        open={asked}
        onClose={() => setAsked(false)}
        title={t('unpack.title', { name: visible(nameOf(path)) })}
        note={some ? t('unpack.only', { n: names.length }) : undefined}
      >
        {asked && (
          <ExtractForm
            server={server.id}
            archive={path}
            only={names.map((name) => join(inside, name))}
            mayReplace={off.change}
            onClose={() => setAsked(false)}
          />
        )}
      </Dialog>
    </div>
  )
}

const GRID =
  'grid grid-cols-[40px_minmax(0,1fr)_104px_152px] items-center max-sm:grid-cols-[44px_minmax(0,1fr)]'

/** One level up; out of the archive from its first. */
function upFrom(server: string, path: string, inside: string) {
  const to = '/servers/$server/files' as const
  const above = parent(inside)
  const folder = parent(path)
  if (inside === '/') return { to, params: { server }, search: folder === '/' ? {} : { path: folder } }
  const search = { view: 'archive' as const, path, ...(above === '/' ? {} : { inside: above }) }
  return { to, params: { server }, search }
}

/** The archive and the way into it; each step can be gone to. */
function Way({ server, path, inside }: { server: string; path: string; inside: string }) {
  const all = [{ name: nameOf(path), path: '/' }, ...steps(inside)]
  return (
    <nav aria-label={t('way')} className="min-w-0 overflow-x-auto">
      <ol className="mono flex items-center text-12">
        {all.map((step, n) => (
          <li key={step.path} className="flex shrink-0 items-center">
            {n === 0 ? (
              <FileArchive aria-hidden="true" size={16} strokeWidth={1.75} className="text-t3" />
            ) : (
              <ChevronRight aria-hidden="true" size={12} className="text-t3" />
            )}
            <Link
              to="/servers/$server/files"
              params={{ server }}
              search={{ view: 'archive', path, ...(step.path === '/' ? {} : { inside: step.path }) }}
              aria-current={n === all.length - 1 ? 'page' : undefined}
              className="tx flex h-7 items-center rounded-in px-1.5 text-t2 aria-[current]:text-t1 hover:bg-surface-3 hover:text-t1 max-sm:h-11"
            >
              {visible(step.name)}
            </Link>
          </li>
        ))}
      </ol>
    </nav>
  )
}

function Row({
  server,
  path,
  inside,
  entry,
  chosen,
  onTurn,
}: {
  server: string
  path: string
  inside: string
  entry: ArchiveEntry
  chosen: boolean
  onTurn: () => void
}) {
  const Icon = iconOf({ name: entry.name, kind: entry.kind })
  const name = visible(entry.name)
  const directory = entry.kind === 'directory'
  const size = entry.kind === 'file' ? bytesText(entry.size_bytes) : ''
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the checkbox in it has the keys
    <li
      data-chosen={chosen}
      onClick={(event) => !(event.target as HTMLElement).closest('a, input') && onTurn()}
      className={`${GRID} hoverable min-h-9 border-b border-line data-[chosen=true]:bg-accent-tint max-sm:min-h-14`}
    >
      <span className="flex pl-4">
        <Checkbox aria-label={t('choose', { name })} checked={chosen} onChange={onTurn} />
      </span>
      <div className="flex min-w-0 items-center gap-2.5 pr-4">
        <Icon
          aria-hidden="true"
          size={16}
          strokeWidth={1.75}
          className={cx('shrink-0', directory ? 'text-accent' : 'text-t3')}
        />
        <span className="min-w-0 flex-1">
          <span className="mono flex min-w-0 items-center gap-2 text-12 max-sm:text-13">
            {directory ? (
              <Link
                to="/servers/$server/files"
                params={{ server }}
                search={{ view: 'archive', path, inside: join(inside, entry.name) }}
                className="hit truncate leading-6 text-t1 hover:text-accent"
              >
                {name}
              </Link>
            ) : (
              <span className="truncate leading-6 text-t1">{name}</span>
            )}
            {entry.target && <span className="truncate text-12 text-t3">→ {visible(entry.target)}</span>}
          </span>
          <span className="num block truncate text-12 text-t3 sm:hidden">
            {size}
            {size && entry.modified_at && ' · '}
            {entry.modified_at && <Ago at={entry.modified_at} />}
          </span>
        </span>
        {entry.refused && <Tag className="shrink-0">{t('refused')}</Tag>}
      </div>
      <span className="num text-right text-t2 max-sm:hidden">{size}</span>
      <span className="num truncate pr-4 text-right text-t2 max-sm:hidden">
        {entry.modified_at && <Ago at={entry.modified_at} />}
      </span>
    </li>
  )
}
