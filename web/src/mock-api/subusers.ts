import type { Subuser } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id } from './data'
import { people } from './people'
import { ALL_KEYS, PERMISSIONS, PRESETS } from './permissions'

const preset = (name: string) => PRESETS.find((each) => each.name === name)?.keys ?? []
const later = (seconds: number) => ago(-seconds)

let subusers: Subuser[] = [
  {
    id: id(1001),
    version: '1',
    username: 'tomasz',
    email: 'tomasz@example.net',
    invited: false,
    keys: preset('operator'),
    expires_at: null,
    created_at: ago(86_400 * 40),
  },
  {
    id: id(1002),
    version: '1',
    username: 'noor',
    email: 'noor@example.net',
    invited: false,
    keys: preset('developer'),
    expires_at: later(86_400 * 12),
    created_at: ago(86_400 * 3),
  },
  {
    id: id(1004),
    version: '1',
    username: 'jule',
    email: 'jule.vandermeer@a-rather-long-domain.example',
    invited: true,
    keys: ['server.read', 'control.console', 'control.start', 'backup.create', 'backup.read'],
    expires_at: later(7200),
    created_at: ago(5400),
  },
]

interface Body {
  login: string
  keys: string[]
  expires_at: string | null
}

export const subuserRoutes: Route[] = [
  ['GET', /^\/permissions$/, () => ({ keys: PERMISSIONS, presets: PRESETS })],
  ['GET', /^\/servers\/[^/]+\/users$/, () => page(scenario() === 'alone' ? [] : subusers)],
  [
    'POST',
    /^\/servers\/[^/]+\/users$/,
    (_m, body) => {
      const { login, keys, expires_at } = body as Body
      const known = people().find((p) => [p.username, p.email].includes(login.toLowerCase()))
      const invited = !known && login.includes('@')
      const person = invited ? { id: id(1900), username: login.split('@')[0] ?? '', email: login } : known
      if (!person)
        return problem(422, 'invalid', 'One field is wrong.', [
          {
            field: 'login',
            code: 'unknown',
            message: 'nobody here has this name or address; they need an account first',
          },
        ])
      if (subusers.some((s) => s.id === person.id))
        return problem(
          409,
          'has_access',
          `${person.username} has access already; change what they may do instead`,
        )
      if (keys.some((key) => !ALL_KEYS.includes(key))) return problem(422, 'invalid', 'no such key')
      const { username, email } = person
      const made = {
        version: '1',
        id: person.id,
        username,
        email,
        invited,
        keys,
        expires_at,
        created_at: ago(0),
      }
      subusers = [...subusers, made]
      return made
    },
  ],
  [
    'PUT',
    /^\/servers\/[^/]+\/users\/([^/]+)$/,
    (m, body) => {
      const { keys, expires_at } = body as Body
      subusers = subusers.map((s) => (s.id === m[1] ? { ...s, keys, expires_at } : s))
      return subusers.find((s) => s.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/servers\/[^/]+\/users\/([^/]+)$/,
    (m) => {
      subusers = subusers.filter((s) => s.id !== m[1])
    },
  ],
]
