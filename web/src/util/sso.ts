import { texts } from '~/i18n/texts'
import type { Family } from './state'

const t = texts('door')

interface Refusal {
  family: Family
  title: string
  text: string
}

const FAMILIES = {
  unknown_account: 'warn',
  account_suspended: 'warn',
  email_taken: 'warn',
  email_unverified: 'warn',
  linked_elsewhere: 'warn',
  second_factor_needed: 'warn',
  too_many_logins: 'warn',
  expired: 'fail',
  provider_unreachable: 'fail',
  refused: 'fail',
} as const satisfies Record<string, Family>

/** Why the panel turned somebody away who came back from a provider. */
export type SsoCode = keyof typeof FAMILIES

/** Only what we have words for: a link can't put others on the page. */
export function ssoCode(value: unknown): SsoCode | undefined {
  return typeof value === 'string' && Object.hasOwn(FAMILIES, value) ? (value as SsoCode) : undefined
}

export const ssoRefusal = (code: SsoCode): Refusal => ({
  family: FAMILIES[code],
  title: t(`sso.${code}.title`),
  text: t(`sso.${code}.text`),
})

/** Leaves the panel for the page of a provider. */
export function leaveFor(url: string): void {
  const to = new URL(url, location.href)
  if (!['https:', 'http:'].includes(to.protocol)) throw new Error(t('sso.no_page'))
  location.assign(to.href)
}
