import { useQuery } from '@tanstack/react-query'
import { sessionQuery } from '~/api/queries'
import { texts } from '~/i18n/texts'
import { PasswordField } from './password-field'

const t = texts('door')

/** Whether the one who is signed in has a password: who came through another provider may have none. */
export function useHasPassword(): boolean {
  // What the page was opened with: nothing is asked for here.
  const { data } = useQuery({ ...sessionQuery, enabled: false })
  return data?.user.has_password ?? true
}

/** One's own password, to prove that it is not just somebody at an open browser. For who has none, the sign-in of a moment ago does. */
export function OwnPassword({
  label = t('password.yours'),
  ...field
}: {
  label?: string
  value: string
  autoFocus?: boolean
  onChange: (value: string) => void
  error?: string | undefined
  help?: string
}) {
  if (!useHasPassword()) return <p className="text-t2">{t('password.none')}</p>
  return <PasswordField {...field} label={label} autoComplete="current-password" />
}
