import type { LucideIcon } from 'lucide-react'
import { ToggleGroup } from 'radix-ui'
import { cx } from '~/util/cx'

export interface Choice<T extends string> {
  value: T
  label: string
  icon?: LucideIcon
}

/** Two to four exclusive views of the same thing. */
export function Segmented<T extends string>({
  label,
  value,
  choices,
  onChange,
  small = false,
}: {
  label: string
  value: T
  choices: Array<Choice<T>>
  onChange: (value: T) => void
  small?: boolean
}) {
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value}
      onValueChange={(next) => next && onChange(next as T)}
      className={cx(
        'inline-flex gap-0.5 rounded-box border border-line-2 bg-surface-2 p-0.5',
        small ? 'h-7' : 'h-8',
        'max-sm:h-11',
      )}
    >
      {choices.map(({ value: key, label: word, icon: Icon }) => (
        <ToggleGroup.Item
          key={key}
          value={key}
          className={cx(
            'tx relative inline-flex items-center gap-1.5 rounded-in px-2 after:absolute after:inset-x-0 after:-inset-y-[3px] text-12 font-medium text-t2 hover:text-t1 max-sm:px-3',
            'data-[state=on]:bg-surface-3 data-[state=on]:text-t1 data-[state=on]:shadow-[0_0_0_1px_var(--line-2)] [[data-theme=light]_&]:data-[state=on]:bg-overlay',
          )}
        >
          {Icon && <Icon aria-hidden="true" size={14} strokeWidth={1.75} />}
          {word}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  )
}
