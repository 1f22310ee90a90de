import { useInfiniteQuery } from '@tanstack/react-query'
import { ChevronRight, File, FileSymlink, Folder, FolderRoot, X } from 'lucide-react'
import { useState } from 'react'
import { backupFilesQuery } from '~/api/backups'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { join, parent, steps, within } from '~/util/path'
import { visible } from '~/util/visible'
import { ProblemView } from './problem-view'

const t = texts('backups')

/** So many paths does one restore take. */
export const MOST_PATHS = 200

/** With a path or without it; a folder stands for all that is in it. */
export function pathsWith(paths: readonly string[], path: string): string[] {
  if (paths.includes(path)) return paths.filter((each) => each !== path)
  return [...paths.filter((each) => !within(each, path)), path]
}

/** The folder that is chosen and takes this along. */
export function coveredBy(paths: readonly string[], path: string): string | undefined {
  return paths.find((each) => each !== path && within(path, each))
}

/** Chooses files and folders of a backup. */
export function BackupPicker({
  server,
  backup,
  paths,
  onChange,
}: {
  server: string
  backup: string
  paths: string[]
  onChange: (paths: string[]) => void
}) {
  const [at, setAt] = useState('/')
  const files = useInfiniteQuery(backupFilesQuery(server, backup, at))
  const entries = files.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <div className="min-w-0 rounded-in border border-line">
      <Way at={at} onGo={setAt} />
      <div className="max-h-64 min-h-24 overflow-y-auto">
        {files.isPending && <SkeletonRows rows={4} height="h-9 max-sm:h-11" />}
        {files.isError && (
          <div className="p-3">
            <ProblemView error={files.error} onRetry={() => void files.refetch()} />
          </div>
        )}
        {files.data && (
          <ul aria-label={t('picker')}>
            {at !== '/' && (
              <li className="flex min-h-9 items-center px-3 max-sm:min-h-11">
                <button
                  type="button"
                  className="min-h-6 min-w-6 text-left text-t2 hover:underline"
                  onClick={() => setAt(parent(at))}
                >
                  {t('picker.up')}
                </button>
              </li>
            )}
            {entries.map((entry) => (
              <Entry
                key={entry.name}
                entry={entry}
                path={join(at, entry.name)}
                paths={paths}
                onChange={onChange}
                onGo={setAt}
              />
            ))}
          </ul>
        )}
        {files.data && entries.length === 0 && <p className="px-3 py-2 text-t3">{t('picker.empty')}</p>}
        {files.hasNextPage && (
          <div className="flex justify-center py-2">
            <Button size="sm" busy={files.isFetchingNextPage} onClick={() => void files.fetchNextPage()}>
              {t('picker.more')}
            </Button>
          </div>
        )}
      </div>
      <Chosen paths={paths} onChange={onChange} />
    </div>
  )
}

/** The way to the folder that is shown; each step can be gone to. */
function Way({ at, onGo }: { at: string; onGo: (path: string) => void }) {
  const all = [{ name: '', path: '/' }, ...steps(at)]
  return (
    <nav aria-label={t('picker.way')} className="overflow-x-auto border-b border-line px-2">
      <ol className="mono flex min-h-9 items-center text-12 max-sm:min-h-11">
        {all.map((step, n) => (
          <li key={step.path} className="flex shrink-0 items-center">
            {n > 0 && <ChevronRight aria-hidden="true" size={12} className="text-t3" />}
            <button
              type="button"
              aria-current={step.path === at ? 'page' : undefined}
              onClick={() => onGo(step.path)}
              className="inline-flex h-7 min-w-6 items-center justify-center rounded-xs px-1 text-t2 hover:text-t1 aria-[current]:text-t1"
            >
              {n === 0 ? (
                <FolderRoot role="img" aria-label={t('picker.root')} size={14} />
              ) : (
                visible(step.name)
              )}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  )
}

function Entry({
  entry: { name, kind, size_bytes },
  path,
  paths,
  onChange,
  onGo,
}: {
  entry: { name: string; kind: string; size_bytes: number }
  path: string
  paths: string[]
  onChange: (paths: string[]) => void
  onGo: (path: string) => void
}) {
  const cover = coveredBy(paths, path)
  const chosen = cover !== undefined || paths.includes(path)
  const full = !chosen && paths.length >= MOST_PATHS
  const dir = kind === 'directory'
  const Icon = dir ? Folder : kind === 'symlink' ? FileSymlink : File
  return (
    <li
      className="flex min-h-9 items-center gap-2.5 px-3 hover:bg-surface-2 max-sm:min-h-11"
      title={
        cover
          ? t('picker.covered', { folder: visible(cover) })
          : full
            ? t('picker.full', { n: MOST_PATHS })
            : undefined
      }
    >
      <Checkbox
        aria-label={t('picker.choose', { name: visible(name) })}
        checked={chosen}
        disabled={cover !== undefined || full}
        onChange={() => onChange(pathsWith(paths, path))}
      />
      <Icon aria-hidden="true" size={14} className="shrink-0 text-t3" />
      {dir ? (
        <button
          type="button"
          className="min-h-6 min-w-0 flex-1 truncate text-left hover:underline"
          onClick={() => onGo(path)}
        >
          {visible(name)}
        </button>
      ) : (
        <span className="min-w-0 flex-1 truncate">{visible(name)}</span>
      )}
      {kind === 'file' && <span className="num shrink-0 text-12 text-t3">{bytesText(size_bytes)}</span>}
    </li>
  )
}

/** What is chosen, wherever it is; a click takes it out again. */
function Chosen({ paths, onChange }: { paths: string[]; onChange: (paths: string[]) => void }) {
  return (
    <div className="border-t border-line px-3 py-2">
      <p role="status" className="text-12 text-t2">
        {t('picker.chosen', { n: paths.length })}
      </p>
      {paths.length > 0 && (
        <ul
          aria-label={t('picker.chosen_list')}
          className="mt-1.5 flex max-h-24 flex-wrap gap-1.5 overflow-y-auto"
        >
          {paths.map((path) => (
            <li key={path} className="min-w-0">
              <button
                type="button"
                aria-label={t('picker.drop', { path: visible(path) })}
                onClick={() => onChange(paths.filter((each) => each !== path))}
                className="mono inline-flex min-h-7 max-w-full items-center gap-1 rounded-in border border-line-2 bg-surface-2 px-2 text-12 text-t2 hover:text-t1 max-sm:min-h-11"
              >
                <span className="truncate">{visible(path)}</span>
                <X aria-hidden="true" size={12} className="shrink-0" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
