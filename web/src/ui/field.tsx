import { ChevronDown, CircleAlert, type LucideIcon, Search } from 'lucide-react'
import { type ComponentProps, type ReactNode, type Ref, useId } from 'react'
import { cx } from '~/util/cx'

const BOX =
  'field tx w-full rounded-box border bg-ground px-2.5 text-t1 placeholder:text-t3 [[data-theme=light]_&]:bg-surface focus:outline-none focus-visible:outline-none focus:ring-1 focus:ring-focus focus:border-focus disabled:bg-surface-2 disabled:text-t3'

function edge(bad: boolean): string {
  return bad ? 'border-fail-dot focus:border-fail-dot! focus:ring-fail-dot!' : 'border-line-2'
}

interface FieldProps {
  label: ReactNode
  /** Said beside the label in grey: "optional", "set by the egg". */
  note?: string | undefined
  help?: ReactNode
  error?: ReactNode
  aside?: ReactNode
  className?: string
  children: (ids: {
    id: string
    'aria-describedby': string | undefined
    'aria-invalid': true | undefined
  }) => ReactNode
}

/** Label, control, and below it either the help or what is wrong. */
export function Field({ label, note, help, error, aside, className, children }: FieldProps) {
  const id = useId()
  const below = error || help
  return (
    <div className={className}>
      <div className="mb-1.5 flex items-baseline gap-1.5">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {note && <span className="text-t3">{note}</span>}
        {aside && <span className="ml-auto text-12">{aside}</span>}
      </div>
      {children({
        id,
        'aria-describedby': below ? `${id}-help` : undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {below && (
        <div
          id={`${id}-help`}
          role={error ? 'alert' : undefined}
          className={cx('mt-1.5 flex gap-1.5 text-12', error ? 'text-fail-fg' : 'text-t3')}
        >
          {error && <CircleAlert aria-hidden="true" size={12} className="mt-0.5 shrink-0" />}
          <span className="min-w-0 [overflow-wrap:anywhere]">{error || help}</span>
        </div>
      )}
    </div>
  )
}

type InputProps = ComponentProps<'input'> & { code?: boolean; ref?: Ref<HTMLInputElement> }

export function Input({ code = false, className, ...rest }: InputProps) {
  const bad = rest['aria-invalid'] === true
  return <input {...rest} className={cx(BOX, edge(bad), code && 'mono text-12!', className)} />
}

export function Textarea({
  className,
  ...rest
}: ComponentProps<'textarea'> & { ref?: Ref<HTMLTextAreaElement> }) {
  const bad = rest['aria-invalid'] === true
  return <textarea {...rest} className={cx(BOX, 'block h-auto! py-2', edge(bad), className)} />
}

export function Select({ className, children, ...rest }: ComponentProps<'select'>) {
  const bad = rest['aria-invalid'] === true
  return (
    <span className={cx('relative block', className)}>
      <select {...rest} className={cx(BOX, 'appearance-none pr-8', edge(bad))}>
        {children}
      </select>
      <ChevronDown
        aria-hidden="true"
        size={14}
        className="pointer-events-none absolute top-1/2 right-2.5 -translate-y-1/2 text-t3"
      />
    </span>
  )
}

interface SearchProps extends Omit<ComponentProps<'input'>, 'type'> {
  label: string
  icon?: LucideIcon
  hint?: ReactNode
  small?: boolean
  ref?: Ref<HTMLInputElement>
}

export function SearchInput({
  label,
  icon: Icon = Search,
  hint,
  small = false,
  className,
  ...rest
}: SearchProps) {
  return (
    <span className={cx('relative block', className)}>
      <Icon
        aria-hidden="true"
        size={14}
        className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-t3"
      />
      <input
        {...rest}
        type="search"
        aria-label={label}
        placeholder={rest.placeholder ?? label}
        className={cx(BOX, edge(false), 'pl-8', small && 'sm:h-7! sm:text-12!', hint ? 'pr-9' : '')}
      />
      {hint && (
        <span className="pointer-events-none absolute top-1/2 right-1.5 -translate-y-1/2 max-sm:hidden">
          {hint}
        </span>
      )}
    </span>
  )
}
