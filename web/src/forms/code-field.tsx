import { useState } from 'react'
import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'
import { cx } from '~/util/cx'
import { digitsOf } from '~/util/second-factor'

const t = texts('door')

/** A code of the authenticator app, or where one is taken too, a recovery code instead. */
export function CodeField({
  value,
  error,
  help,
  recovery = false,
  autoFocus = false,
  onChange,
  onRecovery,
}: {
  value: string
  error?: string | undefined
  help?: string
  recovery?: boolean
  autoFocus?: boolean
  onChange: (value: string) => void
  /** Left out where recovery codes are not taken. */
  onRecovery?: (recovery: boolean) => void
}) {
  const [switched, setSwitched] = useState(false)
  return (
    <Field
      label={t(recovery ? 'code.recovery' : 'code.label')}
      help={help}
      error={error}
      aside={
        onRecovery && (
          <button
            type="button"
            className="hit font-medium text-accent"
            onClick={() => {
              setSwitched(true)
              onChange('')
              onRecovery(!recovery)
            }}
          >
            {t(recovery ? 'code.use_app' : 'code.use_recovery')}
          </button>
        )
      }
    >
      {(ids) => (
        <Input
          {...ids}
          // Another field for the keyboard and for what fills it in, and the focus goes to it.
          key={String(recovery)}
          value={value}
          required
          autoFocus={autoFocus || switched}
          inputMode={recovery ? 'text' : 'numeric'}
          autoComplete={recovery ? 'off' : 'one-time-code'}
          autoCapitalize="none"
          spellCheck={false}
          maxLength={recovery ? 64 : undefined}
          onChange={(event) => onChange(recovery ? event.target.value : digitsOf(event.target.value))}
          className={cx('mono sm:h-10! sm:text-14!', !recovery && 'tracking-[0.24em]')}
        />
      )}
    </Field>
  )
}
