import type { PanelSettings, Profile, SshKey } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id } from './data'
import { refused } from './second-factor'
import { UNSAID } from './session'

let changes = 1
let profile: Profile = { ...UNSAID, display_name: 'Mira', bio: 'Keeps the lights on.' }
let keys: SshKey[] = [
  {
    id: id(1602),
    name: 'mira@thinkpad',
    algorithm: 'ssh-ed25519',
    fingerprint: 'SHA256:Wtl4Lc2E7dZtK1bGvCT4qOaJNmYVXK8zv8mYhL2sQ0o',
    public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM',
    created_at: ago(86_400 * 30),
    last_used_at: ago(7200),
  },
]
let settings: PanelSettings = {
  version: '0',
  name: 'Warren',
  accent: null,
  language: 'en',
  sign_up: false,
  sign_up_domains: [],
  second_factor_of: 'nobody',
  second_factor_set_here: false,
  invite_by_sharing: true,
  invite_by_sharing_set_here: false,
  session_days: 14,
  upload_bytes: null,
  mail: {
    on: true,
    server: 'smtp://mail.example.net:587',
    from: 'Warren <panel@example.net>',
    set_here: false,
  },
  updated_at: null,
}

const next = () => {
  changes += 1
  return String(changes)
}

export const mockProfile = (): Profile => profile
export const mockSettings = (): PanelSettings => settings

/** `?mock=sign-up`: anybody may ask for an account. */
export const accountRoutes: Route[] = [
  ['GET', /^\/account\/profile$/, () => profile],
  [
    'PUT',
    /^\/account\/profile$/,
    (_m, body) => {
      profile = { ...UNSAID, ...(body as Partial<Profile>), avatar: profile.avatar, version: next() }
      return profile
    },
  ],
  ['PUT', /^\/account\/avatar$/, () => profile],
  [
    'DELETE',
    /^\/account\/avatar$/,
    () => {
      profile = { ...profile, avatar: null }
    },
  ],
  ['GET', /^\/account\/ssh-keys$/, () => page(scenario() === 'empty' ? [] : keys)],
  [
    'POST',
    /^\/account\/ssh-keys$/,
    (_m, body) => {
      const bad = refused(body as object)
      if (bad) return bad
      const { public_key, name } = body as { public_key: string; name?: string }
      if (public_key.includes('PRIVATE')) return problem(422, 'invalid', 'is the private half')
      const [algorithm = '', , comment = ''] = public_key.trim().split(/\s+/)
      const row = {
        ...{ id: id(1610 + keys.length), name: name ?? comment, algorithm, public_key },
        ...{ fingerprint: 'SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8' },
        ...{ created_at: ago(0), last_used_at: null },
      }
      keys = [row, ...keys]
      return row
    },
  ],
  [
    'PATCH',
    /^\/account\/ssh-keys\/([^/]+)$/,
    (m, body) => {
      keys = keys.map((row) => (row.id === m[1] ? { ...row, ...(body as { name: string }) } : row))
      return keys.find((row) => row.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/account\/ssh-keys\/([^/]+)$/,
    (m) => {
      keys = keys.filter((row) => row.id !== m[1])
    },
  ],
  [
    'GET',
    /^\/panel$/,
    () => ({
      ...{
        name: settings.name,
        accent: settings.accent,
        language: settings.language,
        mail: settings.mail.on,
      },
      sign_up: settings.sign_up || scenario() === 'sign-up',
    }),
  ],
  ['POST', /^\/sign-up$/, () => undefined],
  [
    'POST',
    /^\/view-as$/,
    (_m, body) => ({ header: `user:${(body as { user?: string }).user}`, name: 'tomasz' }),
  ],
  ['GET', /^\/settings$/, () => settings],
  [
    'PUT',
    /^\/settings$/,
    (_m, body) => {
      const asked = body as Partial<PanelSettings>
      settings = {
        ...settings,
        ...asked,
        name: asked.name ?? 'Warren',
        second_factor_of: asked.second_factor_of ?? settings.second_factor_of,
        invite_by_sharing: asked.invite_by_sharing ?? settings.invite_by_sharing,
        mail: settings.mail,
        version: next(),
        updated_at: new Date().toISOString(),
      }
      return settings
    },
  ],
  [
    'POST',
    /^\/settings\/mail-test$/,
    () =>
      scenario() === 'mail-refused'
        ? problem(502, 'mail_refused', 'no mail was sent: the server did not take it within 20 s')
        : { to: 'mira@example.net', took_ms: 84 },
  ],
]
