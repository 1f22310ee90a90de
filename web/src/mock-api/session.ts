import type { Session } from '~/api/types'

/** Somebody without power who is signed in, for tests: each says what of it matters to it. */
export function signedIn({
  user,
  ...rest
}: Partial<Omit<Session, 'user'>> & { user?: Partial<Session['user']> } = {}): Session {
  return {
    user: {
      id: 'me',
      username: 'mira',
      email: 'mira@example.net',
      admin: false,
      must_change_password: false,
      has_password: true,
      email_verified: true,
      second_factor: false,
      ...user,
    },
    permissions: [],
    permissions_on_nodes: [],
    second_factor_wanted_by: null,
    panel: {
      name: 'Warren',
      version: '0',
      plain_http: false,
      mail: true,
      invites_by_sharing: true,
      first_run: false,
    },
    ...rest,
  }
}
