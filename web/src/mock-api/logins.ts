import type { ConnectedLogin, Provider } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id } from './data'
import { refused } from './second-factor'

const PROVIDERS: Provider[] = [
  { id: 'acme', name: 'Acme ID' },
  { id: 'guild', name: 'Guild Hall' },
]
const LONG: Provider = { id: 'long', name: 'Students’ Union of the Technical University of Oberunterhausen' }

/** `?mock=no-sso`: nobody to sign in through; `?mock=long`: one with a long name too. */
function providers(): Provider[] {
  if (scenario() === 'no-sso') return []
  return scenario() === 'long' ? [...PROVIDERS, LONG] : PROVIDERS
}

let rows: ConnectedLogin[] = [
  {
    id: id(1601),
    provider: 'acme',
    provider_name: 'Acme ID',
    name: 'mira@acme.example.net',
    created_at: ago(86_400 * 30),
    last_used_at: ago(86_400 * 2),
  },
]

const away = () =>
  scenario() === 'away' ? problem(502, 'provider_unreachable', 'the provider did not answer') : undefined
/** Back at once, instead of by a page that the mock does not have. */
const back = (path: string, search: Record<string, string>) => ({
  url: `${path}?${new URLSearchParams(search)}`,
})

/** Acme ID lets one in, the others turn one away. `?mock=away`: none answers; `?mock=last`: no other way in. */
export const loginRoutes: Route[] = [
  ['GET', /^\/session\/providers$/, () => page(providers())],
  [
    'POST',
    /^\/session\/sso\/([^/]+)$/,
    (m, body) => {
      const { next } = body as { next?: string }
      if (!providers().some((each) => each.id === m[1]))
        return problem(404, 'not_found', 'provider not found')
      return (
        away() ??
        (m[1] === 'acme' ? back(next ?? '/', { mock: 'in' }) : back('/login', { sso: 'unknown_account' }))
      )
    },
  ],
  ['GET', /^\/account\/logins$/, () => page(scenario() === 'no-sso' ? [] : rows)],
  [
    'POST',
    /^\/account\/logins$/,
    (_m, body) => refused(body as object) ?? away() ?? back('/account', { sso: 'linked_elsewhere' }),
  ],
  [
    'DELETE',
    /^\/account\/logins\/([^/]+)$/,
    (m) => {
      if (scenario() === 'last')
        return problem(409, 'last_way_in', 'nothing else lets you in; set a password or add a passkey first')
      rows = rows.filter((row) => row.id !== m[1])
    },
  ],
]
