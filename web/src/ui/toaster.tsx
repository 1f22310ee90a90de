import { CircleCheck, CircleX, Info, X } from 'lucide-react'
import { Toast as Radix } from 'radix-ui'
import { texts } from '~/i18n/texts'
import { type Toast, toast, useToasts } from '~/stores/toasts'
import { cx } from '~/util/cx'
import { visible, visibleLines } from '~/util/visible'
import { Button } from './button'
import { RequestId } from './copy'

const t = texts('common')

const ICONS = { done: CircleCheck, note: Info, error: CircleX } as const
const TONES = { done: 'text-run-fg', note: 'text-t2', error: 'text-fail-fg' } as const

/*
 * Radix's toast instead of sonner: sonner adds a style element from script, which our content security
 * policy refuses.
 */
export function Toaster() {
  const toasts = useToasts()
  return (
    <Radix.Provider swipeDirection="right">
      {toasts.map((entry) => (
        <ToastCard key={entry.id} entry={entry} />
      ))}
      <Radix.Viewport className="fixed right-4 bottom-4 z-(--z-toast) flex w-[min(440px,calc(100vw-32px))] list-none flex-col gap-2 outline-none max-sm:bottom-[calc(72px+env(safe-area-inset-bottom))]" />
    </Radix.Provider>
  )
}

function ToastCard({ entry }: { entry: Toast }) {
  const Icon = ICONS[entry.kind]
  return (
    <Radix.Root
      duration={entry.kind === 'error' ? Number.POSITIVE_INFINITY : 5000}
      onOpenChange={(open) => !open && toast.close(entry.id)}
      className={cx(
        'rise flex gap-2.5 rounded-box border bg-overlay p-3 shadow-lift',
        entry.kind === 'error' ? 'border-fail-line' : 'border-line-2',
      )}
    >
      <Icon
        aria-hidden="true"
        size={16}
        className={cx('mt-0.5 shrink-0', TONES[entry.kind])}
        strokeWidth={1.75}
      />
      <div className="min-w-0 flex-1">
        <Radix.Title className="font-medium">{visible(entry.title)}</Radix.Title>
        {entry.text && (
          <Radix.Description className="mt-0.5 text-t2 [overflow-wrap:anywhere]">
            {visibleLines(entry.text)}
          </Radix.Description>
        )}
        {entry.requestId && <RequestId id={entry.requestId} className="mt-1" />}
        {entry.action && (
          <div className="mt-2">
            <Button size="sm" onClick={entry.action.act}>
              {entry.action.label}
            </Button>
          </div>
        )}
      </div>
      <Radix.Close
        aria-label={t('close')}
        className="tx -mt-0.5 -mr-1 inline-flex size-6 items-center justify-center rounded-xs text-t3 hover:text-t1"
      >
        <X aria-hidden="true" size={14} />
      </Radix.Close>
    </Radix.Root>
  )
}
