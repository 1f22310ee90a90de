import { expect, it } from 'vitest'
import { briefOf, diffLines } from './diff'

const GIB = 1024 ** 3
const names = new Map([['01ROLE', 'Support']])
const nameOf = (id: string) => names.get(id)
const lines = (diff: Record<string, unknown> | null, action = 'server.update') =>
  diffLines({ action, diff }, nameOf).lines
const brief = (action: string, diff: Record<string, unknown> | null) => briefOf({ action, diff }, nameOf)

it('a change stands as before and after', () => {
  expect(lines({ name: { from: 'Factory', to: 'Branch Line' } })).toEqual([
    { label: 'Name', before: 'Factory', after: 'Branch Line' },
  ])
})

it('of changed limits those that differ are named, in their units', () => {
  const from = { memory_bytes: 4 * GIB, disk_bytes: 20 * GIB, cpu_percent: 200, pids: null }
  const to = { memory_bytes: 6 * GIB, disk_bytes: 0, cpu_percent: 200, pids: 512 }
  expect(lines({ limits: { from, to } })).toEqual([
    { label: 'Limits · memory', before: '4 GiB', after: '6 GiB' },
    { label: 'Limits · disk', before: '20 GiB', after: 'no limit' },
    { label: 'Limits · processes', before: [], after: '512' },
  ])
})

it('a difference that rounding would hide is shown by its figures', () => {
  const from = { memory_bytes: 4 * GIB }
  expect(lines({ limits: { from, to: { memory_bytes: 4 * GIB + 1 } } })).toEqual([
    { label: 'Limits · memory', before: '4294967296', after: '4294967297' },
  ])
})

it('what stayed the same and what is nothing is left out', () => {
  expect(lines({ name: { from: 'a', to: 'a' }, taken: [], cpuset: null, given: ['role.read'] })).toEqual([
    { label: 'Rights given', after: ['role.read'] },
  ])
  expect(lines(null)).toEqual([])
})

it('a field of a node that nobody asked to change is no change to nothing', () => {
  const diff = { name: null, location: { from: '01PLACE', to: null }, player_address: '198.51.100.7' }
  expect(lines(diff, 'node.update')).toEqual([{ label: 'Player address', after: '198.51.100.7' }])
  expect(lines({ location: { from: '01PLACE', to: '' } }, 'node.update')).toEqual([
    { label: 'Location', before: '01PLACE', after: '' },
  ])
})

it('an end that was taken away is told, and one that never was', () => {
  const at = Date.UTC(2026, 10, 20, 12)
  const [line] = lines({ expires_at_ms: { from: at, to: null } }, 'user.update')
  expect(line?.label).toBe('Ends')
  expect(line?.before).toContain('20 Nov 2026')
  expect(line?.after).toEqual('never')
  expect(lines({ expires_at_ms: null }, 'api_key.create')).toEqual([{ label: 'Ends', after: 'never' }])
})

it('ids that are known go by their names', () => {
  expect(lines({ role: '01ROLE', target: '01GONE' }, 'role.grant')).toEqual([
    { label: 'Role', after: 'Support' },
    { label: 'Which', after: '01GONE' },
  ])
})

it('lists of things with fields are told thing by thing', () => {
  const ports = { primary: null, add: [{ port: 25_565, ip: null }, { port: 25_575 }], extra: 0, remove: [] }
  expect(lines({ ports })).toEqual([
    { label: 'Ports · add', after: ['port 25565', 'port 25575'] },
    { label: 'Ports · extra', after: '0' },
  ])
})

it('hidden characters and texts without end can not pretend to be something else', () => {
  expect(lines({ path: '/\u202egpj.exe\n/ok' }, 'file.update')).toEqual([
    { label: 'Path', after: '/\\u{202e}gpj.exe\\u{a}/ok' },
  ])
  const [long] = lines({ path: 'x'.repeat(5000) }, 'file.update')
  expect(long?.after).toHaveLength(2000 + '… (3000 characters more)'.length)
  expect(lines({ 'a\u202eb': 'c' })).toEqual([{ label: 'A\\u{202e}b', after: 'c' }])
})

it('very many things are counted and not drawn', () => {
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`field${n}`, n]))
  const { lines: shown, left } = diffLines({ action: 'x', diff: many }, nameOf)
  expect([shown.length, left]).toEqual([60, 10])
  const [list] = lines({ delete: Array.from({ length: 130 }, (_, n) => `/${n}`) }, 'file.delete')
  expect(list?.after.at(-1)).toBe('and 30 more')
})

it('a shape that nobody expected is shown as it is', () => {
  expect(lines({ a: { b: { c: { d: { e: 1 } } } } })).toEqual([{ label: 'A · b · c · d', after: 'e 1' }])
  expect(lines({ expires_at_ms: 1e300 })).toEqual([{ label: 'Ends', after: '1e+300' }])
  expect(lines(JSON.parse('{"__proto__": {"x": [[1]]}}'))).toEqual([
    { label: '  proto   · x', after: ['[1]'] },
  ])
})

it('a row says the one thing about itself', () => {
  expect(brief('file.update', { path: '/server.properties', bytes: 4 })).toBe('/server.properties')
  expect(brief('file.update', { from: '/a', to: '/b' })).toBe('/a → /b')
  expect(brief('file.delete', { delete: ['/a', '/b', '/c'] })).toBe('/a and 2 more')
  expect(brief('role.grant', { role: '01ROLE', what: 'given' })).toBe('Support')
  expect(brief('server.update', { name: { from: 'a', to: 'b' } })).toBe('a → b')
  expect(brief('server.update', { name: { from: 'a', to: 'b' }, variables: ['A'] })).toBe('name, variables')
  expect(brief('session.create', null)).toBeUndefined()
})

it('of a suspension the reason is told, of its lifting none', () => {
  const suspended = { from: false, to: true }
  expect(brief('person.suspend', { suspended, reason: { from: null, to: 'Unpaid' } })).toBe('Unpaid')
  expect(brief('person.suspend', { suspended, reason: { from: null, to: '' } })).toBeUndefined()
  expect(brief('person.suspend', { reason: { from: 'Unpaid', to: null } })).toBeUndefined()
})

it('of a log-in it is told which passkey or provider let one in', () => {
  expect(brief('session.create', { passkey: 'Phone\u202e' })).toBe('Phone\\u{202e}')
  expect(brief('session.create', { provider: 'Acme ID' })).toBe('Acme ID')
  expect(brief('session.create', { second_factor: 'app' })).toBeUndefined()
  expect(brief('session.create', null)).toBeUndefined()
})

it('of a new API key it is told what it is for, where the entry says it', () => {
  expect(brief('api_key.create', { name: 'CI', keys: ['server.read', 'control.start'] })).toBe(
    '2 permissions',
  )
  expect(brief('api_key.create', { name: 'CI', keys: null })).toBe('everything')
  expect(brief('api_key.create', { name: 'CI' })).toBeUndefined()
  expect(lines({ keys: null, addresses: ['192.0.2.7'], per_minute: 60 }, 'api_key.create')).toEqual([
    { label: 'Addresses', after: ['192.0.2.7'] },
    { label: 'Requests a minute', after: '60' },
  ])
})

it('of the log as a file its format is told', () => {
  expect(brief('audit.read', { export: 'jsonl', user: null })).toBe('JSON lines')
  expect(brief('audit.read', { export: ['csv'] })).toBeUndefined()
})

it('of a quota nothing is no limit and 0 is none of it', () => {
  const diff = {
    memory_bytes: { from: null, to: 0 },
    subusers: { from: 3, to: null },
    plan: { from: 'own', to: 'Starter' },
  }
  expect(lines(diff, 'person.quota')).toEqual([
    { label: 'Memory', before: 'no limit', after: '0 B' },
    { label: 'Shares', before: '3', after: 'no limit' },
    { label: 'Plan', before: 'own numbers', after: 'Starter' },
  ])
  expect(lines({ name: 'Free', standard: false, limits: { cpu_percent: 0 } }, 'plan.create')).toEqual([
    { label: 'Name', after: 'Free' },
    { label: 'Standard plan', after: 'no' },
    { label: 'Limits · CPU', after: '0 %' },
  ])
  expect(lines({ limits: { from: { cpu_percent: 100 }, to: { cpu_percent: 0 } } })).toEqual([
    { label: 'Limits · CPU', before: '100 %', after: 'no limit' },
  ])
})

it('of a quota the plan is told, or the number that changed', () => {
  const servers = { from: 1, to: 5 }
  expect(brief('person.quota', { servers, plan: { from: 'own', to: 'Star\u202eter' } })).toBe(
    'Star\\u{202e}ter',
  )
  expect(brief('person.quota', { servers, plan: { from: 'Starter', to: null } })).toBe('no limit')
  expect(brief('person.quota', { servers })).toBe('Servers: 1 → 5')
  expect(brief('plan.update', { servers, ports: servers })).toBe('Servers, Ports')
  expect(brief('plan.update', { standard: { from: false, to: true } })).toBeUndefined()
  expect(brief('plan.update', {})).toBeUndefined()
})
