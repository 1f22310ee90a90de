import type { LucideIcon } from 'lucide-react'
import type { ComponentProps, MouseEvent } from 'react'
import { cx } from '~/util/cx'
import { Spinner } from './spinner'

export type ButtonLook = 'primary' | 'secondary' | 'quiet' | 'danger' | 'destroy'

const LOOKS: Record<ButtonLook, string> = {
  primary:
    'bg-accent-solid border-accent-solid text-on-accent hover:bg-accent-hover hover:border-accent-hover [&_svg]:text-current',
  secondary: 'bg-surface-2 border-line-2 text-t1 hover:bg-surface-3 active:border-line-3 [&_svg]:text-t2',
  quiet:
    'bg-transparent border-transparent text-t2 hover:bg-surface-3 hover:text-t1 aria-pressed:bg-surface-3 aria-pressed:text-t1',
  danger:
    'bg-surface-2 border-line-2 text-fail-fg hover:bg-fail-tint hover:border-fail-line [&_svg]:text-current',
  destroy:
    'bg-danger-solid border-danger-solid text-on-danger hover:bg-danger-hover hover:border-danger-hover [&_svg]:text-current',
}
const OFF_EDGED = 'border-line bg-transparent text-off [&_svg]:text-current'
const OFF_FILLED = 'border-surface-3 bg-surface-3 text-off [&_svg]:text-current'
const OFF: Record<ButtonLook, string> = {
  primary: OFF_FILLED,
  secondary: OFF_EDGED,
  quiet: 'border-transparent bg-transparent text-off [&_svg]:text-current',
  danger: OFF_EDGED,
  destroy: OFF_FILLED,
}

const SIZES = {
  sm: 'h-7 text-12 px-2.5 max-sm:h-11 max-sm:text-13',
  md: 'h-8 text-13 px-3 max-sm:h-11 max-sm:text-14',
  lg: 'h-10 text-14 px-4 max-sm:h-11',
} as const

export interface ButtonProps extends Omit<ComponentProps<'button'>, 'disabled'> {
  look?: ButtonLook
  size?: keyof typeof SIZES
  icon?: LucideIcon
  /** Icon alone; the label then goes to the accessible name. */
  iconOnly?: boolean
  busy?: boolean
  /** Off, and why: the reason is the tooltip, and the button stays where it is and can be reached. */
  off?: string | false | undefined
}

export function buttonClass(
  look: ButtonLook,
  size: keyof typeof SIZES,
  off: boolean,
  iconOnly = false,
): string {
  return cx(
    'tx inline-flex shrink-0 select-none items-center justify-center gap-1.5 rounded-box border font-medium whitespace-nowrap',
    SIZES[size],
    off ? OFF[look] : LOOKS[look],
    iconOnly && cx('px-0!', size === 'sm' ? 'w-7 max-sm:w-11' : 'w-8 max-sm:w-11'),
  )
}

export function Button({
  look = 'secondary',
  size = 'md',
  icon: Icon,
  iconOnly = false,
  busy = false,
  off = false,
  className,
  children,
  onClick,
  type = 'button',
  title,
  ...rest
}: ButtonProps) {
  const isOff = off !== false && off !== undefined
  function press(event: MouseEvent<HTMLButtonElement>) {
    if (isOff || busy) {
      event.preventDefault()
      return
    }
    onClick?.(event)
  }
  const label = typeof children === 'string' ? children : undefined
  const hint = (isOff ? off : undefined) || title || (iconOnly ? label : undefined)
  return (
    <button
      {...rest}
      type={type}
      title={hint || undefined}
      aria-label={rest['aria-label'] ?? (iconOnly ? label : undefined)}
      aria-disabled={isOff || undefined}
      aria-busy={busy || undefined}
      onClick={press}
      className={cx(buttonClass(look, size, isOff, iconOnly), className)}
    >
      {busy ? <Spinner /> : Icon && <Icon aria-hidden="true" size={iconOnly ? 16 : 14} strokeWidth={1.75} />}
      {!iconOnly && children}
    </button>
  )
}
