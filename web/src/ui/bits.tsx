import { Check, type LucideIcon, X } from 'lucide-react'
import type { ComponentProps, ReactNode } from 'react'
import { cx } from '~/util/cx'
import { count as grouped } from '~/util/format'

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded-xs border border-line-2 bg-surface px-1 font-sans text-12 font-medium leading-none text-t3">
      {children}
    </kbd>
  )
}

/** A fact: label, format. A state is a badge instead. */
export function Tag({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <span
      className={cx(
        'inline-flex h-5 items-center gap-1 rounded-xs border border-line-2 px-1.5 text-12 leading-none whitespace-nowrap text-t2',
        className,
      )}
    >
      {children}
    </span>
  )
}

interface ChipProps extends Omit<ComponentProps<'button'>, 'onChange'> {
  on?: boolean
  /** A small mark in a state's colour before the word. */
  mark?: ReactNode
  count?: number | undefined
}

/** A filter: accent while it is set. */
export function Chip({ on = false, mark, count, children, className, ...rest }: ChipProps) {
  return (
    <button
      {...rest}
      type="button"
      aria-pressed={on}
      className={cx(
        'tx inline-flex h-7 shrink-0 items-center gap-1.5 rounded-box border px-2.5 text-12 font-medium whitespace-nowrap max-sm:h-11',
        on
          ? 'border-accent-line bg-accent-tint text-t1'
          : 'border-line-2 bg-surface text-t2 hover:bg-surface-3',
        className,
      )}
    >
      {mark}
      {children}
      {count !== undefined && <span className="num font-normal text-t3">{grouped(count)}</span>}
      {on && <X aria-hidden="true" size={12} />}
    </button>
  )
}

/** Drawn 16, hit area 24; 44 on the phone. */
export function Checkbox(props: Omit<ComponentProps<'input'>, 'type' | 'className'>) {
  return (
    <span className="relative -ml-1 inline-flex size-6 shrink-0 items-center justify-center max-sm:-my-2.5 max-sm:-mr-2.5 max-sm:-ml-3.5 max-sm:size-11">
      <input
        {...props}
        type="checkbox"
        className="peer absolute inset-0 size-full appearance-none outline-none"
      />
      <span
        aria-hidden="true"
        className="tx pointer-events-none size-4 rounded-xs border border-line-3 peer-checked:border-accent-solid peer-checked:bg-accent-solid peer-disabled:opacity-40 peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-focus"
      />
      <Check
        aria-hidden="true"
        size={12}
        strokeWidth={2.5}
        className="pointer-events-none absolute text-on-accent opacity-0 peer-checked:opacity-100"
      />
    </span>
  )
}

export function Switch({
  label,
  ...rest
}: Omit<ComponentProps<'input'>, 'type' | 'className'> & { label: string }) {
  return (
    <span className="relative inline-flex h-6 w-8 shrink-0 items-center max-sm:h-11">
      <input
        {...rest}
        type="checkbox"
        role="switch"
        aria-label={label}
        className="peer absolute inset-0 size-full appearance-none outline-none"
      />
      <span
        aria-hidden="true"
        className="tx pointer-events-none relative h-[18px] w-8 rounded-pill border border-line-3 bg-track before:absolute before:top-[2px] before:left-[2px] before:size-3 before:rounded-pill before:bg-t2 peer-checked:border-accent-solid peer-checked:bg-accent-solid peer-checked:before:left-[16px] peer-checked:before:bg-on-accent peer-disabled:opacity-50 peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-focus"
      />
    </span>
  )
}

/** `scrolls` names what is wider than a phone: with nothing to focus in it, the keyboard moves it only so. */
export function Card({
  children,
  className,
  scrolls,
}: {
  children: ReactNode
  className?: string
  scrolls?: string
}) {
  return (
    <section
      className={cx(
        'relative rounded-box border border-line bg-surface',
        scrolls && 'overflow-x-auto',
        className,
      )}
      aria-label={scrolls}
      tabIndex={scrolls ? 0 : undefined}
    >
      {children}
    </section>
  )
}

export function CardHead({
  title,
  note,
  children,
}: {
  title: ReactNode
  note?: ReactNode
  children?: ReactNode
}) {
  return (
    <div className="flex min-h-11 flex-wrap items-center gap-x-2 gap-y-1 border-b border-line px-4 py-1.5">
      <h2 className="text-14 font-semibold">{title}</h2>
      {note !== undefined && <span className="text-t3">{note}</span>}
      <span className="flex-1" />
      {children}
    </div>
  )
}

export function GameTile({ icon: Icon, large = false }: { icon: LucideIcon; large?: boolean }) {
  return (
    <span
      aria-hidden="true"
      className={cx(
        'inline-flex shrink-0 items-center justify-center bg-surface-3 text-t2',
        large ? 'size-10 rounded-box border border-line-2' : 'size-7 rounded-in',
      )}
    >
      <Icon size={large ? 20 : 16} strokeWidth={1.75} />
    </span>
  )
}

/** The hatch of an avatar: initials of a name. */
export function Avatar({ name }: { name: string }) {
  const letters = name
    .split(/[\s._@-]+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((part) => part[0]?.toUpperCase() ?? '')
    .join('')
  return (
    <span
      aria-hidden="true"
      className="inline-flex size-7 shrink-0 items-center justify-center rounded-pill border border-line-2 bg-surface-3 text-12 font-medium text-t2"
    >
      {letters || '?'}
    </span>
  )
}

/** Label and value rows of a side card. */
export function Facts({ rows }: { rows: Array<[label: string, value: ReactNode]> }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4">
      {rows.map(([label, value]) => (
        <div key={label} className="contents">
          <dt className="leading-7 whitespace-nowrap text-t3">{label}</dt>
          <dd className="min-w-0 truncate text-right leading-7">{value}</dd>
        </div>
      ))}
    </dl>
  )
}
