import type { LucideIcon } from 'lucide-react'
import { ContextMenu as Radix } from 'radix-ui'
import { type ReactNode, useRef } from 'react'
import { cx } from '~/util/cx'
import { Kbd } from './bits'

export interface Entry {
  id: string
  icon: LucideIcon
  word: string
  /** The same by keyboard. */
  keys?: string[]
  off: string | false
  danger?: boolean
  run: () => void
}

/** The menu of the right button. Groups are set apart by lines; what can't be done says why. */
export function ContextMenu({
  groups,
  disabled,
  onDone,
  children,
}: {
  groups: readonly (readonly Entry[])[]
  /** Leaves the button to others: on a phone a sheet opens instead. */
  disabled: boolean
  /** After an entry was chosen, when the focus is free. */
  onDone: () => void
  children: ReactNode
}) {
  const ran = useRef(false)
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild disabled={disabled}>
        {children}
      </Radix.Trigger>
      <Radix.Portal container={document.querySelector('main')}>
        <Radix.Content
          collisionPadding={8}
          // What an entry opens has taken the focus: it must not be called back.
          onCloseAutoFocus={(event) => {
            if (!ran.current) return
            ran.current = false
            event.preventDefault()
            onDone()
          }}
          className="pop z-(--z-dialog) min-w-48 rounded-box border border-line-2 bg-overlay p-1 shadow-lift"
        >
          {groups
            .filter((group) => group.length > 0)
            .map((group, n) => (
              <Radix.Group key={group[0]?.id}>
                {n > 0 && <Radix.Separator className="my-1 h-px bg-line" />}
                {group.map(({ id, icon: Icon, word, keys = [], off, danger, run }) => (
                  <Radix.Item
                    key={id}
                    disabled={off !== false}
                    title={off || undefined}
                    onSelect={() => {
                      ran.current = true
                      run()
                    }}
                    className={cx(
                      'flex h-8 cursor-pointer items-center gap-2.5 rounded-in px-2 outline-none select-none data-[highlighted]:bg-surface-3',
                      'data-[disabled]:cursor-default data-[disabled]:text-off',
                      danger ? 'text-fail-fg' : 'text-t1 [&_svg]:text-t2',
                    )}
                  >
                    <Icon aria-hidden="true" size={14} strokeWidth={1.75} />
                    <span className="flex-1 pr-4 whitespace-nowrap">{word}</span>
                    {keys.map((key) => (
                      <Kbd key={key}>{key}</Kbd>
                    ))}
                  </Radix.Item>
                ))}
              </Radix.Group>
            ))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
