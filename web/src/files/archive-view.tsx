import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronLeft, ChevronRight, FileArchive, PackageOpen } from 'lucide-react'
import { useState } from 'react'
import type { ArchiveEntry, Server } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { ExtractForm } from '~/forms/archive-extract'
import { texts } from '~/i18n/texts'
import { Checkbox, Tag } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { Dialog } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { join, nameOf, parent, steps } from '~/util/path'
import { visible } from '~/util/visible'
import { archiveQuery } from './archive-calls'
import { ArchiveStrip } from './archive-strip'
import { iconOf } from './kinds'
import { filesOff } from './rights'

const t = texts('archives')

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
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const [first] = query.data?.pages ?? []
  // Anew in each folder.
  const names = chosen.of === inside ? chosen.names : []
  const off = filesOff(server)
  const folder = parent(path)
  const turn = (name: string) =>
    setChosen({
      of: inside,
      names: names.includes(name) ? names.filter((each) => each !== name) : [...names, name],
    })
  return (
    <div className="flex flex-1 flex-col gap-3 px-6 pt-4 pb-4 max-sm:px-3 max-sm:pt-3">
      <div className="flex flex-wrap items-center gap-2">
        <Link
          to="/servers/$server/files"
          params={{ server: server.id }}
          search={folder === '/' ? {} : { path: folder }}
          className={buttonClass('quiet', 'md', false)}
        >
          <ChevronLeft aria-hidden="true" size={14} />
          {t('back')}
        </Link>
        <Way server={server.id} path={path} inside={inside} />
        <span className="flex-1" />
        <Tag>{t('read_only')}</Tag>
        <Button look="primary" icon={PackageOpen} off={off.pack} onClick={() => setAsked(true)}>
          {names.length > 0 ? t('unpack.chosen', { n: names.length }) : t('unpack.all')}
        </Button>
      </div>
      <ArchiveStrip server={server.id} />
      {query.isError && <ProblemView error={query.error} onRetry={() => void query.refetch()} />}
      {!query.isError && (
        <section aria-label={t('content')} className="rounded-box border border-line bg-surface">
          {query.isPending && <SkeletonRows />}
          {first && items.length === 0 && <Empty title={t('empty')} />}
          <ul>
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
            <p role="status" className="num border-t border-line px-4 py-2 text-12 text-t3">
              {t('count', { n: first.total, all: first.entries, format: first.format })}
            </p>
          )}
        </section>
      )}
      <Dialog
        open={asked}
        onClose={() => setAsked(false)}
        title={t('unpack.title', { name: visible(nameOf(path)) })}
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
              className="tx flex h-7 items-center rounded-in px-1.5 text-t2 hover:bg-surface-3 hover:text-t1 max-sm:h-11"
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
  return (
    <li className="flex min-h-(--h-row-sm) items-center gap-3 border-b border-line px-4 py-1.5 last:border-0">
      <Checkbox aria-label={t('choose', { name })} checked={chosen} onChange={onTurn} />
      <Icon aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0 text-t3" />
      <div className="mono min-w-0 flex-1 truncate text-12">
        {entry.kind === 'directory' ? (
          <Link
            to="/servers/$server/files"
            params={{ server }}
            search={{ view: 'archive', path, inside: join(inside, entry.name) }}
            className="hit text-t1 hover:text-accent"
          >
            {name}
          </Link>
        ) : (
          <span className="text-t1">{name}</span>
        )}
        {entry.target && <span className="ml-2 text-t3">→ {visible(entry.target)}</span>}
      </div>
      {entry.refused && <Tag>{t('refused')}</Tag>}
      {entry.kind === 'file' && entry.size_bytes > 0 && (
        <span className="num text-t2">{bytesText(entry.size_bytes)}</span>
      )}
      {entry.modified_at && (
        <span className="num w-28 text-right text-12 text-t3 max-sm:hidden">
          <Ago at={entry.modified_at} />
        </span>
      )}
    </li>
  )
}
