import { texts } from '~/i18n/texts'
import { PasswordField } from './password-field'

const t = texts('door')

const SHORTEST = 10

/** A password to be, and once more. */
export interface NewPassword {
  fresh: string
  again: string
}
export const NOTHING_TYPED: NewPassword = { fresh: '', again: '' }

/** What can be said of it before it is sent. */
function wrongOf({ fresh, again }: NewPassword) {
  return {
    fresh: fresh.length < SHORTEST ? t('password.too_short', { least: SHORTEST }) : undefined,
    again: again !== fresh ? t('password.not_same') : undefined,
  }
}

export function isFine(typed: NewPassword): boolean {
  const { fresh, again } = wrongOf(typed)
  return !fresh && !again
}

/** The two fields in which a password is chosen. */
export function NewPasswordFields({
  typed,
  tried,
  refused,
  autoFocus = false,
  onChange,
}: {
  typed: NewPassword
  /** Somebody wanted to send it: what is wrong is said from then on. */
  tried: boolean
  /** What the panel has against it. */
  refused?: string | undefined
  autoFocus?: boolean
  onChange: (typed: NewPassword) => void
}) {
  const wrong = wrongOf(typed)
  return (
    <>
      <PasswordField
        label={t('password.new')}
        value={typed.fresh}
        autoComplete="new-password"
        autoFocus={autoFocus}
        onChange={(fresh) => onChange({ ...typed, fresh })}
        help={t('password.help', { least: SHORTEST })}
        error={refused ?? (tried ? wrong.fresh : undefined)}
      />
      <PasswordField
        label={t('password.again')}
        value={typed.again}
        autoComplete="new-password"
        onChange={(again) => onChange({ ...typed, again })}
        error={tried ? wrong.again : undefined}
      />
    </>
  )
}
