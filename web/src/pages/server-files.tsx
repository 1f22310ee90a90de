import { useQuery } from '@tanstack/react-query'
import { useBlocker, useParams, useSearch } from '@tanstack/react-router'
import { Suspense } from 'react'
import { serverQuery } from '~/api/queries'
import { files, useDocuments } from '~/files/documents'
import { FileManager } from '~/files/manager'
import { orderOf } from '~/files/order'
import { part } from '~/i18n/page'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { nameOf } from '~/util/path'
import { visible } from '~/util/visible'

const t = texts('files')

const Editor = part(() => import('~/files/editor'))
const Trash = part(() => import('~/files/trash'))
const Search = part(() => import('~/files/search'))
const Archive = part(() => import('~/files/archive-view'))

export function ServerFilesPage() {
  const { server: id } = useParams({ from: '/app/servers/$server/files' })
  const {
    path = '/',
    edit,
    line,
    sort,
    view,
    inside = '/',
    name,
    text,
    regex,
    exact,
  } = useSearch({ from: '/app/servers/$server/files' })
  const { data: server } = useQuery(serverQuery(id))
  if (!server) return null
  return (
    <>
      {edit !== undefined ? (
        <Suspense>
          <Editor server={server} path={edit} line={line} />
        </Suspense>
      ) : view === 'trash' ? (
        <Suspense>
          <Trash server={server} />
        </Suspense>
      ) : view === 'search' ? (
        <Suspense>
          <Search server={server} path={path} sought={{ name, text, regex, exact }} />
        </Suspense>
      ) : view === 'archive' ? (
        <Suspense>
          <Archive server={server} path={path} inside={inside} />
        </Suspense>
      ) : (
        <FileManager server={server} path={path} order={orderOf(sort)} />
      )}
      <Unsaved server={id} />
    </>
  )
}

/** Files stay open while one is among the server's files; who leaves those is asked about what is not saved. */
function Unsaved({ server }: { server: string }) {
  const dirty = useDocuments(server).filter((each) => each.dirty)
  const blocker = useBlocker({
    shouldBlockFn: ({ next }) => dirty.length > 0 && next.pathname !== `/servers/${server}/files`,
    enableBeforeUnload: () => dirty.length > 0,
    withResolver: true,
    disabled: dirty.length === 0,
  })
  const stay = () => blocker.status === 'blocked' && blocker.reset()
  return (
    <Dialog
      open={blocker.status === 'blocked'}
      onClose={stay}
      title={t('unsaved.title', { n: dirty.length })}
    >
      <p className="text-t2">{t('unsaved.note')}</p>
      <ul className="mono mt-3 flex flex-col gap-1 text-12">
        {dirty.slice(0, 8).map((each) => (
          <li key={each.path} className="truncate">
            {visible(nameOf(each.path))}
          </li>
        ))}
      </ul>
      <DialogFoot>
        <Button
          look="danger"
          onClick={() => {
            if (blocker.status !== 'blocked') return
            files.discard(server)
            blocker.proceed()
          }}
        >
          {t('unsaved.discard')}
        </Button>
        <Button look="primary" onClick={stay}>
          {t('unsaved.stay')}
        </Button>
      </DialogFoot>
    </Dialog>
  )
}
