import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Search as Glass } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import type { FileMatch, Server } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { nameOf, parent } from '~/util/path'
import { visible } from '~/util/visible'
import { BackLink } from './back-link'
import { iconOf } from './kinds'
import { filesOff } from './rights'

const t = texts('file_dialogs')

export interface Sought {
  name?: string | undefined
  text?: string | undefined
  regex?: true | undefined
  exact?: true | undefined
}

/** By name and by what is in files, below one folder. What is sought stands in the address. */
export default function Search({ server, path, sought }: { server: Server; path: string; sought: Sought }) {
  const asked = Boolean(sought.name || sought.text)
  const found = useQuery({
    queryKey: ['server', server.id, 'search', path, sought],
    queryFn: ({ signal }) =>
      must(
        api.POST('/servers/{server}/files/search', {
          params: { path: { server: server.id } },
          body: {
            path,
            name: sought.name ?? null,
            content: sought.text ?? null,
            regex: sought.regex ?? false,
            case_sensitive: sought.exact ?? false,
          },
          signal,
        }),
      ),
    enabled: asked,
    staleTime: 30_000,
    refetchOnWindowFocus: false,
    retry: false,
  })
  const { data } = found
  return (
    <div className="flex flex-1 flex-col gap-3 px-6 pt-4 pb-4 max-sm:px-3 max-sm:pt-3">
      <div className="flex flex-wrap items-center gap-2">
        <BackLink server={server.id} folder={path} word={t('trash.back')} />
        <h2 className="title text-16">
          {path === '/' ? t('search.all') : t('search.below', { folder: visible(path) })}
        </h2>
      </div>
      <Asking key={path} server={server} path={path} sought={sought} busy={found.isFetching} />
      {found.isError && <ProblemView error={found.error} onRetry={() => void found.refetch()} />}
      {asked && !found.isError && (
        <section aria-label={t('search.found')} className="rounded-box border border-line bg-surface">
          {found.isPending && <SkeletonRows />}
          {data && data.items.length === 0 && <Empty title={t('search.none')}>{t('search.none_note')}</Empty>}
          <ul>
            {data?.items.map((match) => (
              <Row key={`${match.path}:${match.line}`} server={server} match={match} />
            ))}
          </ul>
          {data && (
            <p role="status" className="num px-4 py-2 text-12 text-t3">
              {[
                t('search.count', { n: data.items.length }),
                sought.text && t('search.read', { n: data.files, size: bytesText(data.bytes) }),
                data.skipped > 0 && t('search.skipped', { n: data.skipped }),
                data.cut && t(`search.cut_${data.cut}`),
              ]
                .filter(Boolean)
                .join(' · ')}
            </p>
          )}
        </section>
      )}
    </div>
  )
}

function Asking({
  server,
  path,
  sought,
  busy,
}: {
  server: Server
  path: string
  sought: Sought
  busy: boolean
}) {
  const navigate = useNavigate()
  const [name, setName] = useState(sought.name ?? '')
  const [text, setText] = useState(sought.text ?? '')
  const [regex, setRegex] = useState(sought.regex ?? false)
  const [exact, setExact] = useState(sought.exact ?? false)
  const mayRead = filesOff(server).read
  const off = name.trim() === '' && text === '' && t('search.nothing')
  function submit(event: FormEvent) {
    event.preventDefault()
    if (off) return
    void navigate({
      to: '/servers/$server/files',
      params: { server: server.id },
      search: {
        view: 'search',
        ...(path === '/' ? {} : { path }),
        ...(name.trim() ? { name: name.trim() } : {}),
        ...(text ? { text } : {}),
        ...(regex ? { regex: true as const } : {}),
        ...(exact ? { exact: true as const } : {}),
      },
    })
  }
  return (
    <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
      <Field label={t('search.name')} className="min-w-0 flex-1 basis-60 max-sm:basis-full">
        {(ids) => (
          <Input
            {...ids}
            code
            autoFocus
            spellCheck={false}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label={t('search.text')} className="min-w-0 flex-1 basis-60 max-sm:basis-full">
        {(ids) => (
          <Input
            {...ids}
            code
            disabled={mayRead !== false}
            title={mayRead || undefined}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <label htmlFor="search-exact" className="flex h-8 items-center gap-1 max-sm:h-11">
        <Checkbox id="search-exact" checked={exact} onChange={(event) => setExact(event.target.checked)} />
        {t('search.exact')}
      </label>
      <label htmlFor="search-regex" className="flex h-8 items-center gap-1 max-sm:h-11">
        <Checkbox id="search-regex" checked={regex} onChange={(event) => setRegex(event.target.checked)} />
        {t('search.regex')}
      </label>
      <Button type="submit" look="primary" icon={Glass} busy={busy} off={off} className="max-sm:w-full">
        {t('search')}
      </Button>
    </form>
  )
}

function Row({ server, match }: { server: Server; match: FileMatch }) {
  const Icon = iconOf({ name: nameOf(match.path), kind: match.kind })
  const folder = parent(match.path)
  return (
    <li className="flex min-h-(--h-row-sm) items-center gap-3 border-b border-line px-4 py-1.5">
      <Icon aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0 text-t3" />
      <div className="min-w-0 flex-1">
        <Link
          to="/servers/$server/files"
          params={{ server: server.id }}
          search={
            match.kind === 'directory'
              ? { path: match.path }
              : {
                  ...(folder === '/' ? {} : { path: folder }),
                  edit: match.path,
                  ...(match.line ? { line: match.line } : {}),
                }
          }
          className="mono hit text-12 text-t1 [overflow-wrap:anywhere] hover:text-accent"
        >
          {visible(match.path)}
          {match.line !== null && <span className="text-t3">:{match.line}</span>}
        </Link>
        {match.text !== null && <div className="mono truncate text-12 text-t2">{visible(match.text)}</div>}
      </div>
      {match.line === null && match.kind === 'file' && (
        <span className="num text-t2">{bytesText(match.size_bytes)}</span>
      )}
    </li>
  )
}
