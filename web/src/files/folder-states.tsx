import { FolderOpen, RefreshCw } from 'lucide-react'
import type { asProblem } from '~/api/problem'
import type { Server } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import type { Entry } from '~/ui/context-menu'
import { Empty } from '~/ui/wait'
import { visible } from '~/util/visible'

const t = texts('files')

/** A folder in which there is nothing, or nothing that the filter finds. */
export function Nothing({
  needle,
  root,
  acts,
  onClear,
}: {
  needle: string
  root: boolean
  acts: Entry[]
  onClear: () => void
}) {
  if (needle)
    return (
      <Empty title={t('none_found')} action={<Button onClick={onClear}>{t('filter.clear')}</Button>}>
        {t('none_found.note')}
      </Empty>
    )
  return (
    <Empty
      title={t(root ? 'empty.root' : 'empty')}
      action={acts.map(({ id, icon, word, off, run }) => (
        <Button key={id} icon={icon} off={off} onClick={run}>
          {word}
        </Button>
      ))}
    >
      {t(root ? 'empty.root_note' : 'empty.drop')}
    </Empty>
  )
}

/** Why a folder can not be shown, and the way on. */
export function FolderProblem({
  problem,
  server,
  path,
  onRoot,
  onRetry,
}: {
  problem: ReturnType<typeof asProblem>
  server: Server
  path: string
  onRoot: () => void
  onRetry: () => void
}) {
  const gone = ['file_not_found', 'not_a_directory'].includes(problem.code)
  const away = problem.code === 'node_offline'
  if (!gone && !away) return <ProblemView error={problem} onRetry={onRetry} />
  return (
    <section className="rounded-box border border-line bg-surface">
      <Empty
        title={gone ? t('gone', { folder: visible(path) }) : t('away', { node: server.node.name })}
        action={
          <Button onClick={gone ? onRoot : onRetry} icon={gone ? FolderOpen : RefreshCw}>
            {t(gone ? 'gone.root' : 'away.retry')}
          </Button>
        }
      >
        {t(gone ? 'gone.note' : 'away.note')}
      </Empty>
    </section>
  )
}
