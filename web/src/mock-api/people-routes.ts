import type { Person, Reach, Reason } from '~/api/types'
import { member, page, problem, type Route, scenario } from './answers'
import { ago, id, nodes, servers } from './data'
import { mailOff } from './password-links'
import { people, setPeople } from './people'
import { grants, locations, roles, setGrants } from './roles'

let made = 0
let many: Person[] | undefined

/** `?mock=many`: more people than fit on a page. */
function everybody(): Person[] {
  const shown = people().map((person) => ({
    ...person,
    roles: [
      ...new Map(
        grants()
          .filter((g) => g.user.id === person.id)
          .map((g) => [g.role.id, g.role]),
      ).values(),
    ],
  }))
  if (scenario() !== 'many') return shown
  many ??= Array.from({ length: 900 }, (_, n) => ({
    ...(shown[5] as Person),
    id: id(20_000 + n),
    username: `player-${n}`,
    email: `player-${n}@example.net`,
  }))
  return [...shown, ...many]
}

const invalid = (field: string, message: string) =>
  problem(422, 'invalid', 'One field is wrong.', [{ field, code: 'invalid', message }])

function refused({ username, email }: { username?: string; email?: string }, own = '') {
  const others = people().filter((p) => p.id !== own)
  if (username !== undefined && !/^[\w.-]{1,64}$/.test(username))
    return invalid('username', 'holds something else than letters, digits, dot, underscore and hyphen')
  if (others.some((p) => p.username === username)) return invalid('username', 'somebody else has it')
  if (email !== undefined && !email.includes('@')) return invalid('email', 'is no e-mail address')
  if (others.some((p) => p.email === email)) return invalid('email', 'somebody else has it')
  return undefined
}

function target(reach: Reach, of: string | undefined) {
  const from = { everything: [], location: locations(), node: nodes, server: servers }[reach]
  const found = from.find((each) => each.id === of)
  return found ? { id: found.id, name: found.name } : null
}

function why(person: Person, key: string, url: URL): Reason[] {
  if (person.admin) return [{ kind: 'admin', text: 'is an admin, who may do everything', role: null }]
  const server = servers.find((s) => s.id === url.searchParams.get('server'))
  const ways: Reason[] = grants()
    .filter(
      (g) =>
        g.user.id === person.id &&
        roles()
          .find((r) => r.id === g.role.id)
          ?.keys.includes(key),
    )
    .filter((g) => g.reach === 'everything' || server)
    .map((g) => {
      const waits = !person.second_factor && roles().find((r) => r.id === g.role.id)?.second_factor
      const over = g.reach === 'everything' ? 'everything' : 'this server'
      return {
        kind: waits ? 'role_waits' : 'role',
        role: g.role,
        text: `has the role ${g.role.name} over ${over}${waits ? ', which counts once their log-in takes a second step' : ''}`,
      }
    })
  if (server && person.servers > 4)
    ways.push({ kind: 'share', text: 'the server was shared with them', role: null })
  return ways
}

export const peopleRoutes: Route[] = [
  [
    'GET',
    /^\/users$/,
    (_m, _b, url) => {
      if (member()) return problem(403, 'forbidden', 'you lack person.read on the panel; ask an admin for it')
      const { search, cursor, limit } = Object.fromEntries(url.searchParams)
      const begins = (text: string) => !search || text.startsWith(search.toLowerCase())
      const all = everybody()
        .filter((p) => begins(p.username) || begins(p.email))
        .filter((p) => !cursor || p.id > cursor)
      const items = all.slice(0, Number(limit ?? 50))
      return { ...page(items), next: all.length > items.length ? (items.at(-1)?.id ?? null) : null }
    },
  ],
  [
    'POST',
    /^\/users$/,
    (_m, body) => {
      const { invite, ...asked } = body as {
        username: string
        email: string
        admin: boolean
        invite: boolean
      }
      const bad = (invite && mailOff()) || refused(asked)
      if (bad) return bad
      made += 1
      const user: Person = {
        ...asked,
        id: id(1050 + made),
        version: '1',
        roles: [],
        servers: 0,
        must_change_password: !invite,
        second_factor: false,
        suspended: null,
        last_seen_at: null,
        created_at: new Date().toISOString(),
      }
      setPeople([...people(), user])
      return { user, password: invite ? null : 'kT4vQm9ZrB2nXc7LpD1s' }
    },
  ],
  [
    'GET',
    /^\/users\/([^/]+)$/,
    (m) => everybody().find((p) => p.id === m[1]) ?? problem(404, 'not_found', 'user not found'),
  ],
  [
    'PATCH',
    /^\/users\/([^/]+)$/,
    (m, body) => {
      const asked = body as { username?: string; email?: string; admin?: boolean }
      const bad = refused(asked, m[1])
      if (bad) return bad
      if (asked.admin === false && people().filter((p) => p.admin).length === 1)
        return problem(
          409,
          'last_admin',
          'this is the last admin: nobody could look after the panel any more; make another one first',
        )
      setPeople(people().map((p) => (p.id === m[1] ? { ...p, ...asked } : p)))
      return people().find((p) => p.id === m[1])
    },
  ],
  [
    'POST',
    /^\/users\/([^/]+)\/password$/,
    (m) => {
      setPeople(people().map((p) => (p.id === m[1] ? { ...p, must_change_password: true } : p)))
      return { password: 'kT4vQm9ZrB2nXc7LpD1s' }
    },
  ],
  [
    'DELETE',
    /^\/users\/([^/]+)\/second-factor$/,
    (m) => {
      setPeople(people().map((p) => (p.id === m[1] ? { ...p, second_factor: false } : p)))
    },
  ],
  [
    'PUT',
    /^\/users\/([^/]+)\/suspension$/,
    (m, body) => {
      const { reason } = body as { reason: string }
      if (reason === 'wrong')
        return invalid('reason', 'holds a control or invisible direction character; remove it')
      const since = people().find((p) => p.id === m[1])?.suspended?.since ?? ago(0)
      setPeople(people().map((p) => (p.id === m[1] ? { ...p, suspended: { since, reason } } : p)))
      return people().find((p) => p.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/users\/([^/]+)\/suspension$/,
    (m) => {
      setPeople(people().map((p) => (p.id === m[1] ? { ...p, suspended: null } : p)))
      return people().find((p) => p.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/users\/([^/]+)$/,
    (m) => {
      setPeople(people().filter((p) => p.id !== m[1]))
    },
  ],
  ['GET', /^\/users\/([^/]+)\/grants$/, (m) => page(grants().filter((g) => g.user.id === m[1]))],
  [
    'GET',
    /^\/users\/([^/]+)\/why$/,
    (m, _b, url) => {
      const person = everybody().find((p) => p.id === m[1])
      const key = url.searchParams.get('key') ?? ''
      const because = person ? why(person, key, url) : []
      return { key, allowed: because.some(({ kind }) => kind !== 'role_waits'), because }
    },
  ],
  ['GET', /^\/roles$/, () => page(scenario() === 'empty' ? [] : roles())],
  [
    'POST',
    /^\/roles\/([^/]+)\/grants$/,
    (m, body) => {
      const asked = body as { user: string; reach: Reach; target?: string; expires_at: string | null }
      const role = roles().find((r) => r.id === m[1])!
      const person = everybody().find((p) => p.id === asked.user)!
      const place = target(asked.reach, asked.target)
      if (
        grants().some(
          (g) =>
            g.user.id === person.id &&
            g.role.id === role.id &&
            g.reach === asked.reach &&
            g.target?.id === place?.id,
        )
      )
        return problem(
          409,
          'has_role',
          `${person.username} has this role there already; take it back first to change its end`,
        )
      made += 1
      const grant = {
        id: id(1350 + made),
        user: { id: person.id, name: person.username },
        role: { id: role.id, name: role.name },
        reach: asked.reach,
        target: place,
        expires_at: asked.expires_at,
        created_at: ago(0),
      }
      setGrants([...grants(), grant])
      return grant
    },
  ],
  [
    'DELETE',
    /^\/grants\/([^/]+)$/,
    (m) => {
      setGrants(grants().filter((g) => g.id !== m[1]))
    },
  ],
]
