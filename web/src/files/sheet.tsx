import type { Entry } from '~/ui/context-menu'
import { Dialog } from '~/ui/dialog'
import { cx } from '~/util/cx'

/** The same entries as the menu of the right button, for hands: a sheet from below, reasons written out. */
export function ActionSheet({
  open,
  title,
  groups,
  onClose,
}: {
  open: boolean
  title: string
  groups: readonly (readonly Entry[])[]
  onClose: () => void
}) {
  return (
    <Dialog open={open} onClose={onClose} title={title}>
      <div className="files-sheet">
        {groups
          .filter((group) => group.length > 0)
          .map((group) => (
            <ul key={group[0]?.id} className="border-t border-line py-1 first:border-0">
              {group.map(({ id, icon: Icon, word, off, danger, run }) => (
                <li key={id}>
                  <button
                    type="button"
                    aria-disabled={off !== false || undefined}
                    onClick={() => {
                      if (off !== false) return
                      onClose()
                      run()
                    }}
                    className={cx(
                      'flex min-h-11 w-full items-center gap-3 rounded-in px-2 text-left hover:bg-surface-3',
                      off !== false ? 'text-t3' : danger ? 'text-fail-fg' : 'text-t1',
                    )}
                  >
                    <Icon aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0" />
                    <span className="min-w-0 flex-1">
                      {word}
                      {off !== false && <span className="block text-12">{off}</span>}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          ))}
      </div>
    </Dialog>
  )
}
