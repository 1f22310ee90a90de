import { useQuery } from '@tanstack/react-query'
import { useBlocker, useNavigate } from '@tanstack/react-router'
import { Save } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { raw } from '~/api/client'
import { Problem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Server } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Crumbs } from '~/pages/server-files'
import { toast } from '~/stores/toasts'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { bytesText } from '~/util/format'
import { nameOf, parent } from '~/util/path'
import { visible } from '~/util/visible'
import { ProblemView } from './problem-view'

const t = texts('files')
const common = texts('common')

interface Loaded {
  text: string
  etag: string | undefined
  /** False for bytes that are no UTF-8: saving them as text would break them. */
  clean: boolean
}

async function load(server: string, path: string): Promise<Loaded> {
  try {
    const response = await raw(`/servers/${server}/files/content?path=${encodeURIComponent(path)}`)
    const bytes = new Uint8Array(await response.arrayBuffer())
    const etag = response.headers.get('etag') ?? undefined
    try {
      return {
        text: new TextDecoder('utf-8', { fatal: true }).decode(bytes),
        etag,
        clean: !bytes.includes(0),
      }
    } catch {
      return { text: new TextDecoder('latin1').decode(bytes), etag, clean: false }
    }
  } catch (error) {
    // A name that was asked for as a new file.
    if (error instanceof Problem && error.status === 404) return { text: '', etag: undefined, clean: true }
    throw error
  }
}

/** A plain editor: line numbers, Tab, Ctrl-S, and no saving over what somebody else has changed. */
export function FileEditor({ server, path }: { server: Server; path: string }) {
  const navigate = useNavigate({ from: '/servers/$server/files' })
  const file = useQuery({
    queryKey: ['server', server.id, 'file', path],
    queryFn: () => load(server.id, path),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
  })
  const [text, setText] = useState<string>()
  const [etag, setEtag] = useState<string>()
  const [saved, setSaved] = useState<string>()
  const [busy, setBusy] = useState(false)
  const [clash, setClash] = useState(false)
  const area = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLPreElement>(null)
  const may = server.permissions.includes('file.update')
  const folder = parent(path)

  useEffect(() => {
    if (!file.data) return
    setText(file.data.text)
    setSaved(file.data.etag === undefined ? undefined : file.data.text)
    setEtag(file.data.etag)
    setClash(false)
  }, [file.data])

  const dirty = text !== undefined && text !== saved && (saved !== undefined || text !== '')
  useBlocker({
    shouldBlockFn: () => dirty && !window.confirm(t('edit.leave')),
    enableBeforeUnload: () => dirty,
    disabled: !dirty,
  })

  async function save(force = false) {
    if (text === undefined || busy || !may || file.data?.clean === false) return
    setBusy(true)
    try {
      const match: Record<string, string> = force
        ? {}
        : etag
          ? { 'if-match': etag }
          : { 'if-none-match': '*' }
      const response = await raw(`/servers/${server.id}/files/content?path=${encodeURIComponent(path)}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream', ...match },
        body: text,
      })
      const answer = (await response.json()) as { etag?: string }
      setEtag(answer.etag)
      setSaved(text)
      setClash(false)
      toast.done(
        t('edit.saved', { file: nameOf(path) }),
        server.state === 'running' ? t('edit.saved_note') : undefined,
      )
      await queryClient.invalidateQueries({ queryKey: keys.files(server.id, folder) })
    } catch (error) {
      if (error instanceof Problem && error.code === 'changed_meanwhile') setClash(true)
      else toast.error(t('edit.failed', { file: nameOf(path) }), error)
    } finally {
      setBusy(false)
    }
  }

  const close = () => void navigate({ search: folder === '/' ? {} : { path: folder } })
  const lines = (text ?? '').split('\n').length
  const off = !may
    ? t('may_not.change')
    : file.data?.clean === false
      ? t('edit.not_text')
      : !dirty
        ? t('edit.unchanged')
        : false
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3 px-6 pt-5 pb-4 max-sm:px-3 max-sm:pt-3">
      <div className="flex flex-wrap items-center gap-2">
        <Crumbs server={server.id} path={folder} file={nameOf(path)} />
        {dirty && <span className="text-12 text-t3">{t('edit.dirty')}</span>}
        <span className="flex-1" />
        <Button onClick={close}>{common('close')}</Button>
        <Button look="primary" icon={Save} busy={busy} off={off} onClick={() => void save()}>
          {t('edit.save')}
        </Button>
      </div>
      {file.isError && <ProblemView error={file.error} onRetry={() => void file.refetch()} />}
      {clash && (
        <Banner
          family="warn"
          shape="look"
          title={t('edit.clash')}
          actions={
            <>
              <Button size="sm" onClick={() => void file.refetch()}>
                {t('edit.theirs')}
              </Button>
              <Button size="sm" look="danger" onClick={() => void save(true)}>
                {t('edit.mine')}
              </Button>
            </>
          }
        >
          {t('edit.clash_note')}
        </Banner>
      )}
      {file.data?.clean === false && (
        <Banner family="warn" shape="look" title={t('edit.not_text')}>
          {t('edit.not_text_note')}
        </Banner>
      )}
      {text !== undefined && !file.isError && (
        <div
          data-keys="own"
          className="flex min-h-60 flex-1 overflow-hidden rounded-box border border-line bg-term-bg focus-within:border-focus"
        >
          <pre
            ref={gutter}
            aria-hidden="true"
            className="mono w-14 shrink-0 overflow-hidden py-2 pr-3 text-right text-12 leading-5 text-t3 select-none"
          >
            {Array.from({ length: lines }, (_, at) => at + 1).join('\n')}
          </pre>
          <textarea
            ref={area}
            aria-label={t('edit.content', { file: visible(nameOf(path)) })}
            value={text}
            readOnly={!may || file.data?.clean === false}
            spellCheck={false}
            autoCapitalize="none"
            autoCorrect="off"
            wrap="off"
            onChange={(event) => setText(event.target.value)}
            onScroll={(event) => {
              if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop
            }}
            onKeyDown={(event) => {
              if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
                event.preventDefault()
                void save()
              }
            }}
            className="mono min-w-0 flex-1 resize-none overflow-auto bg-transparent py-2 pr-3 text-12 leading-5 whitespace-pre text-term-fg outline-none max-sm:text-16"
          />
        </div>
      )}
      {text !== undefined && (
        <p className="num text-12 text-t3">
          {t('edit.size', {
            n: lines,
            size: bytesText(new TextEncoder().encode(text).length),
            most: bytesText(1024 * 1024, true),
          })}
        </p>
      )}
    </div>
  )
}
