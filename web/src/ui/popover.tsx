import { Popover as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

/** Fields that open from a chip: for what a menu of choices is too little and a dialog too much. */
export function Popover({
  label,
  trigger,
  open,
  onOpenChange,
  children,
}: {
  label: string
  trigger: ReactNode
  open: boolean
  onOpenChange: (open: boolean) => void
  children: ReactNode
}) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      {/* Inside the page's landmark, as menus are. */}
      <Radix.Portal container={document.querySelector('main')}>
        <Radix.Content
          aria-label={label}
          align="start"
          sideOffset={6}
          collisionPadding={12}
          className="pop z-(--z-dialog) w-80 max-w-[calc(100vw-24px)] rounded-box border border-line-2 bg-overlay p-3 shadow-lift outline-none"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
