import { texts } from '~/i18n/texts'
import { Spinner } from '~/ui/spinner'
import { type Clipping, hold } from './clipboard'
import type { Working } from './use-work'

const t = texts('files')

/** Below the list: how much there is, what is at work, what is held for pasting. */
export function FolderFoot({
  count,
  more,
  working,
  clipping,
}: {
  count: string | undefined
  /** The next page is under way. */
  more: boolean
  working: Working | undefined
  clipping: Clipping | undefined
}) {
  return (
    <div className="num flex min-h-8 shrink-0 items-center gap-3 border-t border-line px-4 text-12 text-t3">
      <span role="status">{count}</span>
      {more && <span>{t('count.more')}</span>}
      {working && (
        <span role="status" className="flex items-center gap-2 text-t2">
          <Spinner size={12} />
          {t(`working.${working.what}`, { at: working.at, n: working.n })}
        </span>
      )}
      <span className="flex-1" />
      {clipping && (
        <button type="button" className="hit hover:text-t1" onClick={() => hold(undefined)}>
          {t(clipping.what === 'cut' ? 'clip.held' : 'clip.held_copy', { n: clipping.paths.length })}
        </button>
      )}
    </div>
  )
}
