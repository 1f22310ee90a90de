import { Eye, EyeOff } from 'lucide-react'
import { useState } from 'react'
import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'

const t = texts('door')

/** A password that can be looked at while it is typed. */
export function PasswordField({
  label,
  value,
  autoComplete,
  autoFocus = false,
  onChange,
  error,
  help,
}: {
  label: string
  value: string
  autoComplete: 'current-password' | 'new-password'
  autoFocus?: boolean
  onChange: (value: string) => void
  error?: string | undefined
  help?: string
}) {
  const [shown, setShown] = useState(false)
  const Icon = shown ? EyeOff : Eye
  return (
    <Field label={label} error={error} help={help}>
      {(ids) => (
        <span className="relative block">
          <Input
            {...ids}
            type={shown ? 'text' : 'password'}
            value={value}
            autoComplete={autoComplete}
            autoFocus={autoFocus}
            required
            onChange={(event) => onChange(event.target.value)}
            className="pr-10 sm:h-10! sm:text-14!"
          />
          <button
            type="button"
            aria-label={t(shown ? 'password.hide' : 'password.show')}
            onClick={() => setShown(!shown)}
            className="absolute inset-y-0 right-0 flex w-10 items-center justify-center text-t3 hover:text-t1"
          >
            <Icon aria-hidden="true" size={16} strokeWidth={1.75} />
          </button>
        </span>
      )}
    </Field>
  )
}
