import type { ReactNode } from 'react'
import { Checkbox } from './bits'

/** A checkbox with what it means, and below that what follows from it. */
export function Choice({
  checked,
  label,
  help,
  off = false,
  onChange,
}: {
  checked: boolean
  label: ReactNode
  help?: ReactNode
  off?: boolean
  onChange: (checked: boolean) => void
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox is in it
    <label className="flex items-start gap-2.5">
      <span className="-mt-0.5 flex">
        <Checkbox checked={checked} disabled={off} onChange={(event) => onChange(event.target.checked)} />
      </span>
      <span className="min-w-0">
        <span className="font-medium">{label}</span>
        {help && <span className="block text-12 text-t3">{help}</span>}
      </span>
    </label>
  )
}
