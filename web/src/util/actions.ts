import type { AuditRow, Permission } from '~/api/types'
import { type Key, texts } from '~/i18n/texts'
import { sentence } from './format'
import { groupTitle } from './rights'
import { visible } from './visible'

const t = texts('audit_actions')

/** What was done: all keys but those that say what a filter asks for. */
type Done = Exclude<Key<'audit_actions'>, 'group_all'>
type Diff = Record<string, unknown>
interface Told {
  /** What stands under the action. */
  all: Done
  /** Which of it this one was, where several things stand under one action. */
  one?: (diff: Diff) => Done | undefined
}

const SETTINGS = new Map<string, Done>([
  ['name', 'setting.name'],
  ['description', 'setting.description'],
  ['image', 'setting.image'],
  ['startup', 'setting.startup'],
  ['limits', 'setting.limits'],
  ['crash_policy', 'setting.crash_policy'],
  ['variables', 'setting.variables'],
  ['ports', 'setting.ports'],
  ['owner', 'setting.owner'],
])

function changed(value: unknown): value is { from: unknown; to: unknown } {
  return typeof value === 'object' && value !== null && 'from' in value && 'to' in value
}

function settings(diff: Diff): Done | undefined {
  const [name, ...more] = Object.keys(diff)
  if (name === undefined || more.length > 0) return undefined
  if (name === 'suspended' && changed(diff.suspended))
    return diff.suspended.to === true ? 'setting.suspended' : 'setting.suspension_lifted'
  return SETTINGS.get(name)
}

function admin({ admin: mark }: Diff): Done | undefined {
  if (!changed(mark) || mark.from === mark.to) return undefined
  return mark.to === true ? 'person.admin_made' : 'person.admin_taken'
}

function node(diff: Diff): Done | undefined {
  if ('identity' in diff) return 'node.identity'
  if (diff.orphan === 'adopt') return 'node.orphan_adopted'
  if (diff.orphan === 'delete') return 'node.orphan_deleted'
  if ('offer' in diff) return 'node.offer'
  if ('withdraw' in diff) return 'node.withdraw'
  if (diff.free === true) return 'node.free'
  return 'alias' in diff ? 'node.alias' : undefined
}

function mount({ switched_on: on }: Diff): Done | undefined {
  if (!changed(on)) return undefined
  return on.to === true ? 'mount.on' : 'mount.off'
}

function place(diff: Diff): Done | undefined {
  if (diff.deleted === true) return 'location.deleted'
  return changed(diff.name) ? 'location.changed' : typeof diff.name === 'string' ? 'location.made' : undefined
}

function invitation({ invited }: Diff): Done | undefined {
  return invited === true ? 'person.invited' : undefined
}

function suspension({ suspended }: Diff): Done | undefined {
  if (!changed(suspended)) return undefined
  if (suspended.to !== true) return 'person.suspension_lifted'
  return suspended.from === true ? 'person.suspension_reason' : 'person.suspended'
}

/** Of numbers that changed while the plan stayed nothing more is told. */
function quota({ plan: to }: Diff): Done | undefined {
  if (!changed(to)) return undefined
  if (to.to === 'own') return 'person.quota_own'
  return typeof to.to === 'string' ? 'person.quota_plan' : 'person.quota_taken'
}

function plan({ standard }: Diff): Done | undefined {
  if (!changed(standard)) return undefined
  return standard.to === true ? 'plan.standard' : 'plan.standard_no_longer'
}

const has = (name: string, word: Done, other?: Done) => (diff: Diff) => (name in diff ? word : other)
const by = (name: string, words: Record<string, Done>) => (diff: Diff) =>
  Object.entries(words).find(([value]) => value === diff[name])?.[1]

const TWO_STEPS = by('second_factor', {
  app: 'session.two_steps',
  recovery_code: 'session.recovery_code',
})

function signIn(diff: Diff): Done | undefined {
  if (typeof diff.passkey === 'string') return 'session.passkey'
  return typeof diff.provider === 'string' ? 'session.provider' : TWO_STEPS(diff)
}

function secondStep({ on }: Diff): Done | undefined {
  if (!changed(on)) return undefined
  return on.to === true ? 'second_factor.on' : 'second_factor.off'
}

/** What was done, as somebody tells it who saw it: the permission keys that are logged, and the log's own words. */
const DONE = new Map<string, Told>([
  ['control.start', { all: 'control.start' }],
  ['control.restart', { all: 'control.restart' }],
  [
    'control.stop',
    { all: 'control.stop_or_kill', one: by('action', { stop: 'control.stop', kill: 'control.kill' }) },
  ],
  ['control.console', { all: 'control.console' }],
  ['file.archive', { all: 'file.archive' }],
  ['file.create', { all: 'file.create' }],
  [
    'file.update',
    {
      all: 'file.update',
      one: (diff) => (changed(diff) ? 'file.moved' : 'bytes' in diff ? 'file.written' : undefined),
    },
  ],
  ['file.delete', { all: 'file.delete' }],
  ['file.read-content', { all: 'file.read_content' }],
  ['file.download', { all: 'file.download' }],
  ['file.download_remote', { all: 'file.download_remote' }],
  ['file.upload', { all: 'file.upload' }],
  ['file.write', { all: 'file.write' }],
  ['server.update', { all: 'server.update', one: settings }],
  ['server.delete', { all: 'server.delete' }],
  [
    'settings.reinstall',
    {
      all: 'reinstall.any',
      one: has('cancel', 'reinstall.cancelled', 'reinstall.ordered'),
    },
  ],
  ['user.create', { all: 'user.create' }],
  ['user.update', { all: 'user.update' }],
  ['user.delete', { all: 'user.delete' }],
  ['session.create', { all: 'session.create', one: signIn }],
  [
    'session.refused',
    {
      all: 'session.refused',
      one: by('wrong', {
        password: 'session.wrong_password',
        code: 'session.wrong_code',
      }),
    },
  ],
  ['session.delete', { all: 'session.delete' }],
  ['account.update', { all: 'account.update' }],
  ['account.email', { all: 'account.email' }],
  ['account.password', { all: 'account.password', one: by('by', { link: 'account.password_by_link' }) }],
  ['password_link.create', { all: 'password_link.create' }],
  ['account.second_factor', { all: 'second_factor.changed', one: secondStep }],
  ['account.recovery_codes', { all: 'account.recovery_codes' }],
  ['account.passkey.create', { all: 'passkey.create' }],
  ['account.passkey.update', { all: 'passkey.update' }],
  ['account.passkey.delete', { all: 'passkey.delete' }],
  ['account.ssh_key.create', { all: 'ssh_key.create' }],
  ['account.ssh_key.update', { all: 'ssh_key.update' }],
  ['account.ssh_key.delete', { all: 'ssh_key.delete' }],
  ['account.profile', { all: 'account.profile' }],
  ['account.avatar', { all: 'account.avatar' }],
  ['person.sign_up', { all: 'person.sign_up' }],
  ['panel.update', { all: 'panel.update' }],
  ['panel.mail_test', { all: 'panel.mail_test' }],
  ['panel.view_as', { all: 'panel.view_as' }],
  ['account.login.create', { all: 'login.create' }],
  ['account.login.delete', { all: 'login.delete' }],
  ['api_key.create', { all: 'api_key.create' }],
  ['api_key.delete', { all: 'api_key.delete' }],
  ['api_key.refused', { all: 'api_key.refused' }],
  ['person.create', { all: 'person.create', one: invitation }],
  ['person.update', { all: 'person.update', one: admin }],
  ['person.password', { all: 'person.password' }],
  ['person.second_factor', { all: 'person.second_factor' }],
  ['person.suspend', { all: 'person.suspend', one: suspension }],
  ['person.quota', { all: 'person.quota', one: quota }],
  ['person.delete', { all: 'person.delete' }],
  ['plan.create', { all: 'plan.create' }],
  ['plan.update', { all: 'plan.update', one: plan }],
  ['plan.delete', { all: 'plan.delete' }],
  ['role.create', { all: 'role.create' }],
  ['role.update', { all: 'role.update' }],
  ['role.delete', { all: 'role.delete' }],
  [
    'role.grant',
    {
      all: 'role.grant',
      one: by('what', { given: 'role.given', taken: 'role.taken' }),
    },
  ],
  ['admin.server.create', { all: 'admin.server_create' }],
  [
    'admin.events',
    {
      all: 'consumer.any',
      one: has('revoked', 'consumer.revoked', 'consumer.made'),
    },
  ],
  ['event_consumer.end', { all: 'consumer.ended' }],
  ['audit.read', { all: 'audit.read' }],
  [
    'node.create',
    {
      all: 'token.any',
      one: has('withdrawn', 'token.withdrawn', 'token.made'),
    },
  ],
  ['node.join', { all: 'node.join', one: (diff) => (diff.rejoined === true ? 'node.rejoined' : undefined) }],
  ['node.update', { all: 'node.update', one: node }],
  ['node.delete', { all: 'node.delete', one: has('revoked', 'node.revoked', 'node.removed') }],
  ['location.update', { all: 'location.update', one: place }],
  ['egg.create', { all: 'egg.create' }],
  ['egg.update', { all: 'egg.update' }],
  ['egg.delete', { all: 'egg.delete' }],
  ['nest.create', { all: 'nest.create' }],
  ['nest.update', { all: 'nest.update' }],
  ['nest.delete', { all: 'nest.delete' }],
  ['mount.create', { all: 'mount.create' }],
  ['mount.update', { all: 'mount.update' }],
  ['mount.delete', { all: 'mount.delete' }],
  ['mount.use', { all: 'mount.use', one: mount }],
  [
    'registry.update',
    {
      all: 'registry.update',
      one: by('credential', {
        created: 'registry.created',
        deleted: 'registry.deleted',
      }),
    },
  ],
  ...(['create', 'update', 'delete', 'view_password', 'forget'] as const).map((word): [string, Told] => [
    `database.${word}`,
    { all: `database.${word}` },
  ]),
  ...(['create', 'update', 'delete', 'test'] as const).map((word): [string, Told] => [
    `database_host.${word}`,
    { all: `database_host.${word}` },
  ]),
  ...(['create', 'update', 'delete', 'restore', 'settings', 'keys'] as const).map((word): [string, Told] => [
    `backup.${word}`,
    { all: `backup.${word}` },
  ]),
  ...(['create', 'update', 'delete', 'test'] as const).map((word): [string, Told] => [
    `backup_store.${word}`,
    { all: `backup_store.${word}` },
  ]),
])

const described = (key: string, permissions: Permission[]) =>
  permissions.find((each) => each.key === key)?.description.replace(/\.$/, '')

/** What was done, in words; of a key that is newer than these words, what it allows. */
export function doneText(
  { action, diff }: Pick<AuditRow, 'action' | 'diff'>,
  permissions: Permission[],
): string {
  const told = DONE.get(action)
  if (told) return t((diff && told.one?.(diff)) ?? told.all)
  return described(action, permissions) ?? sentence(visible(action).replaceAll(/[._-]+/g, ' '))
}

/** What a filter by this asks for: an action, or all of a group. */
export function askedText(asked: string, permissions: Permission[]): string {
  if (!asked.endsWith('.')) return doneText({ action: asked, diff: null }, permissions)
  const word = wordOf(asked)
  return asked === `${word}.` ? t('group_all', { group: groupTitle(word) }) : asked
}

export interface ActionChoice {
  /** What is asked for: `control.start`, or `control.` for the group. */
  id: string
  name: string
}

const KEY = /^[a-z][a-z0-9_-]*\.[a-z0-9._-]*$/

const SERVER_WORDS = ['backup', 'control', 'database', 'file', 'server', 'settings', 'user']
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
    choices.push({ id: needle, name: needle.endsWith('.') ? t('all_that_begin_so') : t('exactly_this') })
  return choices
}
