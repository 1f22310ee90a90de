import { Check, type LucideIcon } from 'lucide-react'
import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'
import { cx } from '~/util/cx'

export function Menu({
  trigger,
  children,
  align = 'end',
}: {
  trigger: ReactNode
  children: ReactNode
  align?: 'start' | 'end'
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      {/* Inside the page's landmark: what floats outside of all of them is skipped by those who go by landmarks. */}
      <DropdownMenu.Portal container={document.querySelector('main')}>
        <DropdownMenu.Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          className="pop z-(--z-dialog) min-w-48 rounded-box border border-line-2 bg-overlay p-1 shadow-lift"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

export function MenuItem({
  icon: Icon,
  children,
  hint,
  danger = false,
  off = false,
  onSelect,
}: {
  icon?: LucideIcon
  children: ReactNode
  hint?: ReactNode
  danger?: boolean
  off?: string | false
  onSelect: () => void
}) {
  return (
    <DropdownMenu.Item
      disabled={off !== false}
      title={off || undefined}
      onSelect={onSelect}
      className={cx(
        'flex h-8 cursor-pointer items-center gap-2.5 rounded-in px-2 outline-none select-none data-[highlighted]:bg-surface-3 max-sm:h-11',
        'data-[disabled]:cursor-default data-[disabled]:text-off',
        danger ? 'text-fail-fg' : 'text-t1 [&_svg]:text-t2',
      )}
    >
      {Icon && <Icon aria-hidden="true" size={14} strokeWidth={1.75} />}
      <span className="flex-1 whitespace-nowrap">{children}</span>
      {hint}
    </DropdownMenu.Item>
  )
}

/** A file that the browser fetches by itself. */
export function MenuDownload({ href, file, children }: { href: string; file: string; children: ReactNode }) {
  return (
    <DropdownMenu.Item asChild>
      <a
        href={href}
        download={file}
        className="flex h-8 cursor-pointer items-center gap-2.5 rounded-in px-2 whitespace-nowrap text-t1 outline-none select-none data-[highlighted]:bg-surface-3 max-sm:h-11"
      >
        {children}
      </a>
    </DropdownMenu.Item>
  )
}

export function MenuChoice({
  checked,
  children,
  onSelect,
}: {
  checked: boolean
  children: ReactNode
  onSelect: () => void
}) {
  return (
    <DropdownMenu.CheckboxItem
      checked={checked}
      onCheckedChange={onSelect}
      className="flex h-8 cursor-pointer items-center gap-2.5 rounded-in px-2 outline-none select-none data-[highlighted]:bg-surface-3 max-sm:h-11"
    >
      <span
        className={cx(
          'size-3.5 rounded-pill border',
          checked ? 'border-[4px] border-accent-solid bg-on-accent' : 'border-line-3',
        )}
      />
      {children}
    </DropdownMenu.CheckboxItem>
  )
}

/** On or off by itself, beside choices of which one holds. */
export function MenuSwitch({
  on,
  children,
  onSelect,
}: {
  on: boolean
  children: ReactNode
  onSelect: () => void
}) {
  return (
    <DropdownMenu.CheckboxItem
      checked={on}
      onCheckedChange={onSelect}
      className="flex h-8 cursor-pointer items-center gap-2.5 rounded-in px-2 outline-none select-none data-[highlighted]:bg-surface-3 max-sm:h-11"
    >
      <span
        className={cx(
          'flex size-3.5 items-center justify-center rounded-xs border',
          on ? 'border-accent-solid bg-accent-solid text-on-accent' : 'border-line-3',
        )}
      >
        {on && <Check aria-hidden="true" size={10} strokeWidth={2.5} />}
      </span>
      {children}
    </DropdownMenu.CheckboxItem>
  )
}

export function MenuLine() {
  return <DropdownMenu.Separator className="my-1 h-px bg-line" />
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <DropdownMenu.Label className="px-2 pt-1.5 pb-1 text-12 text-t3">{children}</DropdownMenu.Label>
}
