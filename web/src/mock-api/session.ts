import type { Profile, Session } from '~/api/types'

/** Of somebody who has said nothing of themselves. */
export const UNSAID: Profile = {
  version: '0',
  display_name: '',
  bio: '',
  links: [],
  language: null,
  time_zone: null,
  theme: null,
  mail: { log_in: true, shared: true },
  shown: true,
  avatar: null,
}

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
    profile: UNSAID,
    viewing: false,
    permissions: [],
    permissions_on_nodes: [],
    second_factor_wanted_by: null,
    panel: {
      name: 'Warren',
      accent: null,
      language: 'en',
      version: '0',
      plain_http: false,
      mail: true,
      invites_by_sharing: true,
      first_run: false,
    },
    ...rest,
  }
}
