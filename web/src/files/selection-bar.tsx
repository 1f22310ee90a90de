import { Ellipsis, X } from 'lucide-react'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import type { Entry } from '~/ui/context-menu'
import { bytesText } from '~/util/format'

const t = texts('files')

/** What can be done with what is selected, above the list's end. */
export function SelectionBar({
  n,
  size,
  phone,
  acts,
  onMore,
  onClear,
}: {
  n: number
  size: number
  phone: boolean
  acts: Entry[]
  onMore: () => void
  onClear: () => void
}) {
  return (
    <div
      role="toolbar"
      aria-label={t('bar')}
      className="files-bar rise fixed bottom-4 left-1/2 z-(--z-bulk) flex h-12 -translate-x-1/2 items-center gap-1.5 rounded-box border border-line-2 bg-overlay pr-2 pl-4 shadow-float"
    >
      <span className="num mr-1.5 font-medium whitespace-nowrap">
        {t('selected', { n })}
        {size > 0 && <span className="ml-2 font-normal text-t3 max-md:hidden">{bytesText(size)}</span>}
      </span>
      <span className="flex-1" />
      {acts.map(({ id, icon, word, off, danger, run }) => (
        <Button
          key={id}
          size="sm"
          icon={icon}
          iconOnly={phone}
          look={danger ? 'danger' : 'secondary'}
          off={off}
          onClick={run}
        >
          {word}
        </Button>
      ))}
      <Button size="sm" icon={Ellipsis} iconOnly={phone} onClick={onMore}>
        {t('more_actions')}
      </Button>
      <Button size="sm" look="quiet" icon={X} iconOnly={phone} onClick={onClear}>
        {t('clear')}
      </Button>
    </div>
  )
}
