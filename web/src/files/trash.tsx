import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { Trash2, Undo2 } from 'lucide-react'
import { useState } from 'react'
import { trashQuery } from '~/api/files'
import type { Server, TrashItem } from '~/api/types'
import { LoadMore } from '~/components/load-more'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { nameOf, parent } from '~/util/path'
import { visible } from '~/util/visible'
import { BackLink } from './back-link'
import { emptyTrash, restore } from './calls'
import { iconOf } from './kinds'
import { filesOff } from './rights'

const t = texts('file_dialogs')

/** What was deleted and can still be had back, newest first. */
export default function Trash({ server }: { server: Server }) {
  const query = useInfiniteQuery(trashQuery(server.id))
  const [asked, setAsked] = useState<TrashItem | 'all'>()
  const off = filesOff(server)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const [first] = query.data?.pages ?? []
  const one = typeof asked === 'object' ? asked : undefined
  return (
    <div className="flex min-h-96 flex-1 flex-col px-6 pt-4 pb-4 max-sm:px-3 max-sm:pt-3">
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <BackLink server={server.id} folder="/" word={t('trash.back')} />
        <h2 className="title text-16">{t('trash')}</h2>
        <span className="num text-t3">
          {first &&
            first.total > 0 &&
            t('trash.holds', { n: first.total, size: bytesText(first.disk_bytes) })}
        </span>
        <span className="flex-1 max-sm:hidden" />
        <Button
          look="danger"
          icon={Trash2}
          className="max-sm:ml-auto"
          off={off.remove || (items.length === 0 && t('trash.is_empty'))}
          onClick={() => setAsked('all')}
        >
          {t('trash.empty')}
        </Button>
      </div>
      {query.isError && <ProblemView error={query.error} onRetry={() => void query.refetch()} />}
      {!query.isError && (
        <section aria-label={t('trash')} className="rounded-box border border-line bg-surface">
          {query.isPending && <SkeletonRows />}
          {query.data && items.length === 0 && <Empty title={t('trash.is_empty')}>{t('trash.note')}</Empty>}
          <ul>
            {items.map((item) => (
              <Row key={item.id} server={server} item={item} off={off.remove} onGone={() => setAsked(item)} />
            ))}
          </ul>
          {query.hasNextPage && (
            <LoadMore
              shown={items.length}
              total={first?.total}
              busy={query.isFetchingNextPage}
              onMore={() => void query.fetchNextPage()}
            />
          )}
        </section>
      )}
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        title={
          one
            ? t('trash.one_title', { name: nameOf(one.path) })
            : t('trash.all_title', { n: first?.total ?? 0 })
        }
        verb={t('trash.for_good')}
        onConfirm={async () => {
          try {
            await emptyTrash(server.id, one ? [one.id] : [])
          } catch (error) {
            toast.error(t('trash.failed'), error)
            throw error
          }
        }}
      >
        {t('trash.sure')}
      </Confirm>
    </div>
  )
}

function Row({
  server,
  item,
  off,
  onGone,
}: {
  server: Server
  item: TrashItem
  off: string | false
  onGone: () => void
}) {
  const name = nameOf(item.path)
  const Icon = iconOf({ name, kind: item.kind })
  const back = useMutation({
    mutationFn: () => restore(server.id, item),
    onSuccess: ({ path }) => toast.done(t('trash.restored', { name: nameOf(path) }), visible(path)),
    onError: (error) => toast.error(t('trash.not_restored', { name }), error),
  })
  return (
    <li className="flex min-h-(--h-row) flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-1.5 last:border-0">
      <Icon aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0 text-t3" />
      <div className="min-w-0 flex-1 basis-52">
        <div className="mono truncate text-12 text-t1" title={visible(item.path)}>
          {visible(name)}
        </div>
        <div className="truncate text-12 text-t3 max-sm:whitespace-normal">
          {t.rich('trash.facts', {
            folder: visible(parent(item.path)),
            at: <Ago at={item.deleted_at} />,
            until: <Ago at={item.until} />,
          })}
        </div>
      </div>
      <span className="num w-24 text-right text-t2 max-sm:w-auto">{bytesText(item.disk_bytes)}</span>
      <Button
        size="sm"
        icon={Undo2}
        className="max-sm:ml-auto"
        busy={back.isPending}
        off={off}
        aria-label={t('trash.restore_of', { name: visible(name) })}
        onClick={() => back.mutate()}
      >
        {t('trash.restore')}
      </Button>
      <Button
        size="sm"
        look="danger"
        icon={Trash2}
        iconOnly
        off={off}
        aria-label={t('trash.gone_of', { name: visible(name) })}
        onClick={onGone}
      >
        {t('trash.for_good')}
      </Button>
    </li>
  )
}
