import type { AuditRow, Permission } from '~/api/types'
import { sentence } from './format'
import { groupTitle } from './rights'
import { visible } from './visible'

type Diff = Record<string, unknown>
interface Told {
  /** What stands under the action. */
  all: string
  /** Which of it this one was, where several things stand under one action. */
  one?: (diff: Diff) => string | undefined
}

const SETTINGS = new Map([
  ['name', 'Renamed the server'],
  ['description', 'Changed the description'],
  ['image', 'Chose another image'],
  ['startup', 'Changed the start command'],
  ['limits', 'Changed limits'],
  ['crash_policy', 'Changed the crash policy'],
  ['variables', 'Changed variables'],
  ['ports', 'Changed ports'],
  ['owner', 'Gave the server to another owner'],
])

function changed(value: unknown): value is { from: unknown; to: unknown } {
  return typeof value === 'object' && value !== null && 'from' in value && 'to' in value
}

function settings(diff: Diff): string | undefined {
  const [name, ...more] = Object.keys(diff)
  if (name === undefined || more.length > 0) return undefined
  if (name === 'suspended' && changed(diff.suspended))
    return diff.suspended.to === true ? 'Suspended the server' : 'Lifted the suspension'
  return SETTINGS.get(name)
}

function admin({ admin: mark }: Diff): string | undefined {
  if (!changed(mark) || mark.from === mark.to) return undefined
  return mark.to === true ? 'Made somebody an admin' : 'Took the mark of an admin away'
}

function node(diff: Diff): string | undefined {
  if ('identity' in diff) return 'Decided on a forked identity'
  if (diff.orphan === 'adopt') return 'Took an unknown server back'
  if (diff.orphan === 'delete') return 'Removed an unknown server'
  if ('offer' in diff) return 'Offered ports'
  if ('withdraw' in diff) return 'Took a port from the offer'
  if (diff.free === true) return 'Set a port free'
  return 'alias' in diff ? 'Changed a port’s address for players' : undefined
}

function place(diff: Diff): string | undefined {
  if (diff.deleted === true) return 'Removed a location'
  return changed(diff.name)
    ? 'Changed a location'
    : typeof diff.name === 'string'
      ? 'Made a location'
      : undefined
}

function invitation({ invited }: Diff): string | undefined {
  return invited === true ? 'Made an account and sent an invitation' : undefined
}

function suspension({ suspended }: Diff): string | undefined {
  if (!changed(suspended)) return undefined
  if (suspended.to !== true) return 'Lifted somebody’s suspension'
  return suspended.from === true ? 'Changed the reason of a suspension' : 'Suspended somebody'
}

/** Of numbers that changed while the plan stayed nothing more is told. */
function quota({ plan: to }: Diff): string | undefined {
  if (!changed(to)) return undefined
  if (to.to === 'own') return 'Gave somebody a quota of their own'
  return typeof to.to === 'string' ? 'Put somebody on a plan' : 'Took somebody’s quota away'
}

function plan({ standard }: Diff): string | undefined {
  if (!changed(standard)) return undefined
  return standard.to === true ? 'Made a plan the standard one' : 'Made a plan the standard one no longer'
}

const has = (name: string, word: string, other?: string) => (diff: Diff) => (name in diff ? word : other)
const by = (name: string, words: Record<string, string>) => (diff: Diff) =>
  Object.entries(words).find(([value]) => value === diff[name])?.[1]

const TWO_STEPS = by('second_factor', {
  app: 'Signed in with two steps',
  recovery_code: 'Signed in with a recovery code',
})

function signIn(diff: Diff): string | undefined {
  if (typeof diff.passkey === 'string') return 'Signed in with a passkey'
  return typeof diff.provider === 'string' ? 'Signed in through another provider' : TWO_STEPS(diff)
}

function secondStep({ on }: Diff): string | undefined {
  if (!changed(on)) return undefined
  return on.to === true ? 'Set up two-step sign-in' : 'Turned off two-step sign-in'
}

/** What was done, as somebody tells it who saw it: the permission keys that are logged, and the log's own words. */
const DONE = new Map<string, Told>([
  ['control.start', { all: 'Ordered a start' }],
  ['control.restart', { all: 'Ordered a restart' }],
  [
    'control.stop',
    { all: 'Ordered a stop or kill', one: by('action', { stop: 'Ordered a stop', kill: 'Ordered a kill' }) },
  ],
  ['control.console', { all: 'Typed into the console' }],
  ['file.create', { all: 'Made a directory' }],
  [
    'file.update',
    {
      all: 'Wrote or moved a file',
      one: (diff) => (changed(diff) ? 'Moved a file' : 'bytes' in diff ? 'Wrote a file' : undefined),
    },
  ],
  ['file.delete', { all: 'Deleted files' }],
  ['server.update', { all: 'Changed settings', one: settings }],
  ['server.delete', { all: 'Deleted the server' }],
  [
    'settings.reinstall',
    {
      all: 'Ordered or cancelled a reinstall',
      one: has('cancel', 'Cancelled an operation', 'Ordered a reinstall'),
    },
  ],
  ['user.create', { all: 'Gave access' }],
  ['user.update', { all: 'Changed access' }],
  ['user.delete', { all: 'Took access away' }],
  ['session.create', { all: 'Signed in', one: signIn }],
  [
    'session.refused',
    {
      all: 'Failed to sign in',
      one: by('wrong', {
        password: 'Failed to sign in: wrong password',
        code: 'Failed to sign in: wrong code',
      }),
    },
  ],
  ['session.delete', { all: 'Ended a session' }],
  ['account.update', { all: 'Changed their own account' }],
  ['account.email', { all: 'Confirmed an e-mail address' }],
  [
    'account.password',
    { all: 'Changed their own password', one: by('by', { link: 'Set a password by a link' }) },
  ],
  ['password_link.create', { all: 'Asked for a link to another password' }],
  ['account.second_factor', { all: 'Changed two-step sign-in', one: secondStep }],
  ['account.recovery_codes', { all: 'Made new recovery codes' }],
  ['account.passkey.create', { all: 'Added a passkey' }],
  ['account.passkey.update', { all: 'Renamed a passkey' }],
  ['account.passkey.delete', { all: 'Removed a passkey' }],
  ['account.login.create', { all: 'Connected a log-in' }],
  ['account.login.delete', { all: 'Disconnected a log-in' }],
  ['api_key.create', { all: 'Made an API key' }],
  ['api_key.delete', { all: 'Revoked an API key' }],
  ['api_key.refused', { all: 'Tried an API key from where it is not allowed' }],
  ['person.create', { all: 'Made an account', one: invitation }],
  ['person.update', { all: 'Changed an account', one: admin }],
  ['person.password', { all: 'Reset a password' }],
  ['person.second_factor', { all: 'Removed somebody’s two-step sign-in' }],
  ['person.suspend', { all: 'Suspended somebody or lifted it', one: suspension }],
  ['person.quota', { all: 'Set somebody’s quota', one: quota }],
  ['person.delete', { all: 'Removed an account' }],
  ['plan.create', { all: 'Made a plan' }],
  ['plan.update', { all: 'Changed a plan', one: plan }],
  ['plan.delete', { all: 'Removed a plan' }],
  ['role.create', { all: 'Made a role' }],
  ['role.update', { all: 'Changed a role' }],
  ['role.delete', { all: 'Removed a role' }],
  [
    'role.grant',
    {
      all: 'Gave a role or took one back',
      one: by('what', { given: 'Gave a role', taken: 'Took a role back' }),
    },
  ],
  ['admin.server.create', { all: 'Made a server' }],
  [
    'admin.events',
    {
      all: 'Made or revoked an event consumer',
      one: has('revoked', 'Revoked an event consumer', 'Made an event consumer'),
    },
  ],
  ['event_consumer.end', { all: 'Ended an event consumer' }],
  ['audit.read', { all: 'Took the log as a file' }],
  [
    'node.create',
    {
      all: 'Made or withdrew a join token',
      one: has('withdrawn', 'Withdrew a join token', 'Made a join token'),
    },
  ],
  [
    'node.join',
    { all: 'Joined the panel', one: (diff) => (diff.rejoined === true ? 'Joined again' : undefined) },
  ],
  ['node.update', { all: 'Changed a node', one: node }],
  [
    'node.delete',
    { all: 'Removed or revoked a node', one: has('revoked', 'Revoked a node', 'Removed a node') },
  ],
  ['location.update', { all: 'Changed locations', one: place }],
  ['egg.create', { all: 'Imported an egg' }],
  ['egg.delete', { all: 'Removed an egg' }],
  [
    'registry.update',
    {
      all: 'Changed a registry’s credential',
      one: by('credential', {
        created: 'Added a registry’s credential',
        deleted: 'Removed a registry’s credential',
      }),
    },
  ],
])

const described = (key: string, permissions: Permission[]) =>
  permissions.find((each) => each.key === key)?.description.replace(/\.$/, '')

/** What was done, in words; of a key that is newer than these words, what it allows. */
export function doneText(
  { action, diff }: Pick<AuditRow, 'action' | 'diff'>,
  permissions: Permission[],
): string {
  const told = DONE.get(action)
  if (told) return (diff && told.one?.(diff)) ?? told.all
  return described(action, permissions) ?? sentence(visible(action).replaceAll(/[._-]+/g, ' '))
}

/** What a filter by this asks for: an action, or all of a group. */
export function askedText(asked: string, permissions: Permission[]): string {
  if (!asked.endsWith('.')) return doneText({ action: asked, diff: null }, permissions)
  const word = wordOf(asked)
  return asked === `${word}.` ? `${groupTitle(word)}: all` : asked
}

export interface ActionChoice {
  /** What is asked for: `control.start`, or `control.` for the group. */
  id: string
  name: string
}

const KEY = /^[a-z][a-z0-9_-]*\.[a-z0-9._-]*$/

const SERVER_WORDS = ['control', 'file', 'server', 'settings', 'user']
const wordOf = (key: string) => key.split('.', 1)[0] ?? key
const ofServers = (key: string) => SERVER_WORDS.includes(wordOf(key)) || key.startsWith('admin.server.')

/** What one can filter by that has the text in it; with text also keys of which nothing was logged so far. */
export function actionChoices(text: string, permissions: Permission[], servers = false): ActionChoice[] {
  const needle = text.trim().toLowerCase()
  const known = new Set([...DONE.keys(), ...(needle ? permissions.map(({ key }) => key) : [])])
  const groups = new Map<string, string[]>()
  for (const key of known) {
    if (servers && !ofServers(key)) continue
    groups.set(wordOf(key), [...(groups.get(wordOf(key)) ?? []), key])
  }
  const named = (id: string) => ({ id, name: askedText(id, permissions) })
  const choices = [...groups]
    .flatMap(([word, keys]) => (keys.length > 1 ? [`${word}.`, ...keys] : keys))
    .map(named)
    .filter(({ id, name }) => id.includes(needle) || name.toLowerCase().includes(needle))
  if (KEY.test(needle) && !choices.some(({ id }) => id === needle))
    choices.push({ id: needle, name: needle.endsWith('.') ? 'All that begin so' : 'Exactly this' })
  return choices
}
