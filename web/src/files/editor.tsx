import { Link, useNavigate } from '@tanstack/react-router'
import { Download, FileX2, Hash, Save, Search, WrapText, X } from 'lucide-react'
import { Suspense, useEffect, useRef, useState } from 'react'
import { keys, queryClient } from '~/api/queries'
import type { Server } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { useMedia } from '~/hooks/use-media'
import { part } from '~/i18n/page'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { download } from '~/transfers/download'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { Empty, useSlow } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { nameOf, parent } from '~/util/path'
import { visible } from '~/util/visible'
import type { CodeHandle, Place } from './code'
import { Crumbs } from './crumbs'
import { type Document, files, useDocuments } from './documents'
import { iconOf } from './kinds'
import { Picture } from './picture'
import { filesOff } from './rights'
import './files.css'

const t = texts('file_editor')
const common = texts('common')

const Code = part(() => import('./code'))
const Merge = part(() => import('./merge'))

const WRAP = 'warren.editor.wrap'
const MOST = 1024 * 1024

/** Saves, and says what came of it; a clash is shown by the editor itself. */
export async function saveFile(server: Server, path: string): Promise<boolean> {
  try {
    const result = await files.save(server.id, path)
    if (result === 'saved') said(server, path)
    return result === 'saved'
  } catch (error) {
    toast.error(t('save.failed', { file: nameOf(path) }), error)
    return false
  }
}

function said(server: Server, path: string): void {
  toast.done(
    t('save.done', { file: nameOf(path) }),
    server.state === 'running' ? t('save.done_note') : undefined,
  )
  void queryClient.invalidateQueries({ queryKey: keys.files(server.id, parent(path)) })
}

export default function Editor({
  server,
  path,
  line,
}: {
  server: Server
  path: string
  line?: number | undefined
}) {
  const open = useDocuments(server.id)
  const document = open.find((each) => each.path === path)
  useEffect(() => files.open(server.id, path), [server.id, path])
  return (
    <div className="flex min-h-96 flex-1 flex-col gap-3 px-6 pt-4 pb-4 max-sm:px-3 max-sm:pt-3">
      <Tabs server={server} open={open} path={path} />
      {document && <Opened key="one" server={server} document={document} line={line} />}
    </div>
  )
}

/** Files that are open. Links, not tabs of one page: each has its address, and stays open while others are looked at. */
function Tabs({ server, open, path }: { server: Server; open: readonly Document[]; path: string }) {
  const navigate = useNavigate()
  const [asked, setAsked] = useState<Document>()
  const here = useRef<HTMLLIElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another one is shown
  useEffect(() => here.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [path])
  function close(document: Document) {
    const at = open.indexOf(document)
    const next = open[at + 1] ?? open[at - 1]
    if (document.path === path) {
      const folder = parent(path)
      const search = next
        ? { edit: next.path, path: parent(next.path) }
        : folder === '/'
          ? {}
          : { path: folder }
      void navigate({ to: '/servers/$server/files', params: { server: server.id }, search })
    }
    files.close(server.id, document.path)
  }
  return (
    <nav aria-label={t('tabs')} className="-mb-1 shrink-0 overflow-x-auto">
      <ul className="flex gap-1">
        {open.map((document) => {
          const name = visible(nameOf(document.path))
          const Icon = iconOf({ name, kind: 'file' })
          const current = document.path === path
          return (
            <li
              key={document.path}
              ref={current ? here : undefined}
              data-current={current}
              className="files-tab tx"
            >
              <Link
                to="/servers/$server/files"
                params={{ server: server.id }}
                search={{ edit: document.path, path: parent(document.path) }}
                aria-current={current ? 'page' : undefined}
                title={visible(document.path)}
                className="flex h-full min-w-0 items-center gap-2"
              >
                <Icon aria-hidden="true" size={14} strokeWidth={1.75} className="shrink-0 text-t3" />
                <span className="mono truncate text-12">{name}</span>
                {document.dirty && (
                  <span className="files-dirty">
                    <span className="sr-only">{t('dirty')}</span>
                  </span>
                )}
              </Link>
              <button
                type="button"
                aria-label={t('close_file', { file: name })}
                title={t('close_file', { file: name })}
                onClick={() => (document.dirty ? setAsked(document) : close(document))}
                className="tx mx-0.5 flex size-7 shrink-0 items-center justify-center rounded-in text-t3 hover:text-t1 max-sm:size-11"
              >
                <X aria-hidden="true" size={14} />
              </button>
            </li>
          )
        })}
      </ul>
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        title={t('close.title', { file: nameOf(asked?.path ?? '') })}
        verb={t('close.verb')}
        onConfirm={async () => asked && close(asked)}
      >
        {t('close.note')}
      </Confirm>
    </nav>
  )
}

function Opened({
  server,
  document,
  line,
}: {
  server: Server
  document: Document
  line: number | undefined
}) {
  const navigate = useNavigate()
  const [place, setPlace] = useState<Place>()
  const [wrap, setWrap] = useState(() => localStorage.getItem(WRAP) === 'yes')
  const [comparing, setComparing] = useState(false)
  const [anyway, setAnyway] = useState<string>()
  const code = useRef<CodeHandle>(null)
  const { path, content, dirty, saving, clash } = document
  const folder = parent(path)
  const off = filesOff(server)
  const saveOff =
    off.change ||
    (content?.kind !== 'text' ? t('not_text') : !dirty && document.saved !== undefined && t('unchanged'))
  const asText = anyway === path && content?.kind === 'binary'
  const shown = content?.kind === 'text' || asText
  const merging = comparing && clash !== undefined

  function turnWrap() {
    localStorage.setItem(WRAP, wrap ? 'no' : 'yes')
    setWrap(!wrap)
  }
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Crumbs server={server.id} path={folder} file={nameOf(path)} />
        {off.change && content && <span className="text-12 text-t3">{t('read_only')}</span>}
        <span className="flex-1" />
        {shown && !merging && (
          <>
            <Button look="quiet" iconOnly icon={Search} onClick={() => code.current?.find()}>
              {t('find')}
            </Button>
            <Button look="quiet" iconOnly icon={Hash} onClick={() => code.current?.goToLine()}>
              {t('go_to_line')}
            </Button>
            <Button look="quiet" iconOnly icon={WrapText} aria-pressed={wrap} onClick={turnWrap}>
              {t('wrap')}
            </Button>
          </>
        )}
        <Button
          onClick={() =>
            void navigate({
              to: '/servers/$server/files',
              params: { server: server.id },
              search: folder === '/' ? {} : { path: folder },
            })
          }
        >
          {t('to_folder')}
        </Button>
        {content?.kind === 'picture' && <Fetch server={server} path={path} />}
        {!merging && content?.kind !== 'picture' && content?.kind !== 'large' && (
          <Button
            look="primary"
            icon={Save}
            busy={saving}
            off={saveOff}
            onClick={() => void saveFile(server, path)}
          >
            {t('save')}
          </Button>
        )}
      </div>
      {document.error !== undefined && (
        <ProblemView error={document.error} onRetry={() => void files.reload(server.id, path)} />
      )}
      {clash && !merging && (
        <Clash server={server} document={document} onCompare={() => setComparing(true)} />
      )}
      {document.error === undefined && !content && <Loading />}
      {content?.kind === 'picture' && (
        <Picture name={nameOf(path)} picture={content.picture} bytes={content.bytes} />
      )}
      {content?.kind === 'large' && (
        <Notice
          title={t('large', { most: bytesText(MOST, true) })}
          action={<Fetch server={server} path={path} />}
        >
          {t('large_note')}
        </Notice>
      )}
      {content?.kind === 'binary' && !asText && (
        <Notice
          title={t('binary')}
          action={
            <>
              <Button onClick={() => setAnyway(path)}>{t('binary_show')}</Button>
              <Fetch server={server} path={path} />
            </>
          }
        >
          {t('binary_note', { size: bytesText(content.bytes) })}
        </Notice>
      )}
      {merging && clash && (
        <Compare server={server} document={document} onClose={() => setComparing(false)} />
      )}
      {shown && !merging && (
        <div className="files-pane flex min-h-60 flex-1 flex-col overflow-hidden rounded-box border border-line bg-term-bg focus-within:border-focus">
          <div className="files-code flex min-h-0 flex-1">
            <Suspense fallback={<Loading />}>
              <Code
                ref={code}
                path={path}
                text={content?.kind === 'binary' ? content.text : (document.saved ?? '')}
                breaks={content?.kind === 'text' ? content.breaks : '\n'}
                draft={document.draft}
                revision={`${document.revision}${asText}`}
                readOnly={off.change !== false || asText}
                wrap={wrap}
                line={line}
                label={t('content', { file: visible(nameOf(path)) })}
                onEdit={(draft, now) =>
                  content?.kind === 'text' &&
                  files.edited(server.id, path, draft, now && off.change === false)
                }
                onPlace={setPlace}
                onSave={() => saveOff === false && void saveFile(server, path)}
              />
            </Suspense>
          </div>
          <StatusLine document={document} place={place} />
        </div>
      )}
    </>
  )
}

/** Hands the file to the browser's own downloads. */
function Fetch({ server, path }: { server: Server; path: string }) {
  const off = filesOff(server).read
  return (
    <Button
      icon={Download}
      off={off}
      onClick={() =>
        void download(server.id, path).catch((error) =>
          toast.error(t('download_failed', { file: nameOf(path) }), error),
        )
      }
    >
      {t('download')}
    </Button>
  )
}

function Loading() {
  const slow = useSlow()
  return (
    <div role="status" className="flex min-h-60 flex-1 items-center justify-center text-t3">
      {slow && common('loading')}
    </div>
  )
}

function Notice({
  title,
  action,
  children,
}: {
  title: string
  action?: React.ReactNode
  children: React.ReactNode
}) {
  return (
    <div className="flex min-h-60 flex-1 flex-col items-center justify-center rounded-box border border-line bg-surface">
      <FileX2 aria-hidden="true" size={28} strokeWidth={1.5} className="text-t3" />
      <Empty title={title} action={action}>
        {children}
      </Empty>
    </div>
  )
}

function StatusLine({ document, place }: { document: Document; place: Place | undefined }) {
  const { content, dirty, saved } = document
  return (
    <div className="num flex min-h-7 shrink-0 flex-wrap items-center gap-x-4 border-t border-line bg-surface px-3 py-1 text-12 text-t3">
      {place && <span>{t('place', { line: place.line, column: place.column })}</span>}
      {place && <span className="max-sm:hidden">{t('lines', { n: place.lines })}</span>}
      <span className="flex-1" />
      <span role="status">
        {saved === undefined && content?.kind === 'text' ? t('new') : dirty ? t('dirty') : ''}
      </span>
      {content?.kind === 'text' && (
        <span title={t(content.breaks === '\n' ? 'breaks.lf' : 'breaks.crlf')}>
          {t(content.breaks === '\n' ? 'breaks.lf_short' : 'breaks.crlf_short')}
        </span>
      )}
    </div>
  )
}

async function settle(server: Server, path: string, work: Promise<unknown>): Promise<void> {
  try {
    if ((await work) === 'saved') said(server, path)
  } catch (error) {
    toast.error(t('save.failed', { file: nameOf(path) }), error)
  }
}

/** Somebody else has written the file: nothing is lost until it is said whose text stays. */
function Clash({
  server,
  document,
  onCompare,
}: {
  server: Server
  document: Document
  onCompare: () => void
}) {
  const { path, clash, saving } = document
  const gone = clash?.text === undefined
  return (
    <Banner
      family="warn"
      shape="look"
      title={t(gone ? 'clash.gone' : 'clash.title')}
      actions={
        <>
          {!gone && (
            <Button size="sm" look="primary" onClick={onCompare}>
              {t('clash.compare')}
            </Button>
          )}
          <Button size="sm" onClick={() => void settle(server, path, files.takeTheirs(server.id, path))}>
            {t(gone ? 'clash.take_gone' : 'clash.theirs')}
          </Button>
          <Button
            size="sm"
            look="danger"
            busy={saving}
            onClick={() => void settle(server, path, files.keepMine(server.id, path))}
          >
            {t('clash.mine')}
          </Button>
        </>
      }
    >
      {t(gone ? 'clash.gone_note' : 'clash.note')}
    </Banner>
  )
}

function Compare({ server, document, onClose }: { server: Server; document: Document; onClose: () => void }) {
  const narrow = useMedia('(max-width: 859px)')
  const merged = useRef<(() => string) | undefined>(undefined)
  const { path, clash, content, draft, saving } = document
  const [mine] = useState(() => draft?.text() ?? '')
  return (
    <section
      aria-label={t('merge.title', { file: visible(nameOf(path)) })}
      className="files-pane flex min-h-60 flex-1 flex-col overflow-hidden rounded-box border border-line bg-surface"
    >
      <div className="flex min-h-11 flex-wrap items-center gap-2 border-b border-line px-3 py-1.5">
        <p className="min-w-0 flex-1 basis-60 text-t2">{t(narrow ? 'merge.note_narrow' : 'merge.note')}</p>
        <Button size="sm" onClick={onClose}>
          {t('merge.back')}
        </Button>
        <Button
          size="sm"
          look="primary"
          icon={Save}
          busy={saving}
          onClick={() =>
            void settle(server, path, files.keepMine(server.id, path, merged.current?.() ?? mine)).then(
              onClose,
            )
          }
        >
          {t(narrow ? 'save' : 'merge.save')}
        </Button>
      </div>
      {!narrow && (
        <div className="grid grid-cols-2 border-b border-line text-12 text-t3">
          <span className="px-3 py-1.5">{t('merge.theirs')}</span>
          <span className="px-3 py-1.5">{t('merge.mine')}</span>
        </div>
      )}
      <Suspense fallback={<Loading />}>
        <Merge
          path={path}
          theirs={clash?.text ?? ''}
          mine={mine}
          breaks={content?.kind === 'text' ? content.breaks : '\n'}
          narrow={narrow}
          onMerged={(text) => {
            merged.current = text
          }}
        />
      </Suspense>
    </section>
  )
}
