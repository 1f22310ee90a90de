import { PasswordField } from './password-field'

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
    fresh: fresh.length < SHORTEST ? `At least ${SHORTEST} characters` : undefined,
    again: again !== fresh ? 'This is not the same' : undefined,
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
        label="New password"
        value={typed.fresh}
        autoComplete="new-password"
        autoFocus={autoFocus}
        onChange={(fresh) => onChange({ ...typed, fresh })}
        help={`At least ${SHORTEST} characters; a sentence is fine`}
        error={refused ?? (tried ? wrong.fresh : undefined)}
      />
      <PasswordField
        label="New password again"
        value={typed.again}
        autoComplete="new-password"
        onChange={(again) => onChange({ ...typed, again })}
        error={tried ? wrong.again : undefined}
      />
    </>
  )
}
