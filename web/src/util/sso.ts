import type { Family } from './state'

interface Refusal {
  family: Family
  title: string
  text: string
}

const CODES = {
  unknown_account: {
    family: 'warn',
    title: 'Nobody here has this log-in.',
    text: 'If you have an account, sign in another way and connect it under Account. If not, ask whoever looks after this panel.',
  },
  account_suspended: {
    family: 'warn',
    title: 'This account is suspended.',
    text: 'Your servers go on. Whoever looks after this panel can lift it.',
  },
  email_taken: {
    family: 'warn',
    title: 'An account here has this e-mail address already.',
    text: 'If it is yours, sign in another way and connect the log-in under Account.',
  },
  email_unverified: {
    family: 'warn',
    title: 'Your e-mail address is not confirmed there.',
    text: 'Confirm it with the provider, then try again.',
  },
  linked_elsewhere: {
    family: 'warn',
    title: 'This log-in belongs to another account here.',
    text: 'It can be connected to one at a time: disconnect it there first.',
  },
  second_factor_needed: {
    family: 'warn',
    title: 'This account has an authenticator app, and that provider asks for one step alone.',
    text: 'Sign in with your password and a code from the app.',
  },
  too_many_logins: {
    family: 'warn',
    title: 'This account has 20 connected log-ins, and more there can’t be.',
    text: 'Disconnect one first, then connect this one.',
  },
  expired: {
    family: 'fail',
    title: 'That took too long, or came back to another browser.',
    text: 'Try again from here.',
  },
  provider_unreachable: {
    family: 'fail',
    title: 'The provider did not answer.',
    text: 'Try again in a moment. If it stays so, tell whoever looks after this panel.',
  },
  refused: {
    family: 'fail',
    title: 'The provider did not let you through.',
    text: 'It said no, or its answer could not be trusted. Try again; if it stays so, tell whoever looks after this panel.',
  },
} as const satisfies Record<string, Refusal>

/** Why the panel turned somebody away who came back from a provider. */
export type SsoCode = keyof typeof CODES

/** Only what we have words for: a link can't put others on the page. */
export function ssoCode(value: unknown): SsoCode | undefined {
  return typeof value === 'string' && Object.hasOwn(CODES, value) ? (value as SsoCode) : undefined
}

export const ssoRefusal = (code: SsoCode): Refusal => CODES[code]

/** Leaves the panel for the page of a provider. */
export function leaveFor(url: string): void {
  const to = new URL(url, location.href)
  if (!['https:', 'http:'].includes(to.protocol)) throw new Error('The provider’s address is no web page.')
  location.assign(to.href)
}
