import { X } from 'lucide-react'
import { Dialog as Radix } from 'radix-ui'
import { type FormEvent, type ReactNode, useId, useState } from 'react'
import { texts } from '~/i18n/texts'
import { cx } from '~/util/cx'
import { visible } from '~/util/visible'
import { Button } from './button'
import { Field, Input } from './field'

const t = texts('common')

interface DialogProps {
  open: boolean
  onClose: () => void
  title: string
  note?: ReactNode
  width?: 'sm' | 'md' | 'lg'
  children: ReactNode
}

const WIDTHS = { sm: 'sm:max-w-[480px]', md: 'sm:max-w-[680px]', lg: 'sm:max-w-[920px]' } as const

/** A decision. On the phone it is a sheet from below. */
export function Dialog({ open, onClose, title, note, width = 'sm', children }: DialogProps) {
  return (
    <Radix.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fade fixed inset-0 z-(--z-dialog) bg-scrim" />
        <Radix.Content
          aria-describedby={undefined}
          // A field with autoFocus has it already; else the dialog itself, not its first button.
          onOpenAutoFocus={(event) => {
            event.preventDefault()
            ;(event.currentTarget as HTMLElement).focus()
          }}
          className={cx(
            'rise fixed z-(--z-dialog) flex max-h-[calc(100dvh-48px)] flex-col overflow-y-auto border border-line-2 bg-overlay shadow-float outline-none',
            'max-sm:inset-x-0 max-sm:bottom-0 max-sm:rounded-t-box max-sm:pb-[env(safe-area-inset-bottom)]',
            'sm:inset-x-0 sm:top-[10vh] sm:mx-auto sm:w-[calc(100vw-48px)] sm:max-h-[82vh] sm:rounded-box',
            WIDTHS[width],
          )}
        >
          <div className="flex items-start gap-3 px-6 pt-5 max-sm:px-5">
            <div className="min-w-0 flex-1">
              <Radix.Title className="title text-16">{visible(title)}</Radix.Title>
              {note && <div className="mt-0.5 text-t2">{note}</div>}
            </div>
            <Radix.Close asChild>
              <Button look="quiet" iconOnly icon={X} className="-mt-1 -mr-2">
                {t('close')}
              </Button>
            </Radix.Close>
          </div>
          <div className="px-6 pt-4 pb-5 max-sm:px-5">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

/** `stuck` stays in view where the dialog is longer than the screen. */
export function DialogFoot({
  note,
  stuck = false,
  children,
}: {
  note?: ReactNode
  stuck?: boolean
  children: ReactNode
}) {
  return (
    <div
      className={cx(
        'flex flex-wrap items-center justify-end gap-2',
        stuck
          ? 'sticky bottom-0 z-1 -mx-6 -mb-5 border-t border-line bg-overlay px-6 py-3 max-sm:-mx-5 max-sm:px-5'
          : 'mt-5',
      )}
    >
      {note && <span className="mr-auto text-12 text-t3">{note}</span>}
      {children}
    </div>
  )
}

interface ConfirmProps {
  open: boolean
  onClose: () => void
  title: string
  children: ReactNode
  verb: string
  /** When set, this has to be typed before the verb works. */
  typed?: string | undefined
  onConfirm: () => Promise<unknown> | undefined
  /** Filled red: only for what can't be undone. */
  destroys?: boolean
}

export function Confirm({
  open,
  onClose,
  title,
  children,
  verb,
  typed,
  onConfirm,
  destroys = true,
}: ConfirmProps) {
  return (
    <Dialog open={open} onClose={onClose} title={title}>
      {open && <ConfirmBody {...{ onClose, verb, typed, onConfirm, destroys }}>{children}</ConfirmBody>}
    </Dialog>
  )
}

function ConfirmBody({
  onClose,
  children,
  verb,
  typed,
  onConfirm,
  destroys,
}: Omit<ConfirmProps, 'open' | 'title'>) {
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const form = useId()
  const ready = typed === undefined || text === typed
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (!ready || busy) return
    setBusy(true)
    try {
      await onConfirm()
      onClose()
    } catch {
      // The caller has said what went wrong; the dialog stays for another try.
    } finally {
      setBusy(false)
    }
  }
  return (
    <form id={form} onSubmit={submit}>
      <div className="text-t2">{children}</div>
      {typed !== undefined && (
        <Field
          className="mt-4"
          label={t.rich('confirm.type', { typed, name: (name) => <span className="mono">{name}</span> })}
        >
          {(ids) => (
            <Input
              {...ids}
              value={text}
              autoComplete="off"
              autoFocus
              spellCheck={false}
              onChange={(e) => setText(e.target.value)}
            />
          )}
        </Field>
      )}
      <DialogFoot>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button
          type="submit"
          look={destroys ? 'destroy' : 'primary'}
          busy={busy}
          off={ready ? false : t('confirm.not_typed')}
        >
          {verb}
        </Button>
      </DialogFoot>
    </form>
  )
}
