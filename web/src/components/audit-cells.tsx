import { Cog, KeyRound, type LucideIcon, Network, UserX } from 'lucide-react'
import type { ReactNode } from 'react'
import type { AuditRow, Permission } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Avatar } from '~/ui/bits'
import { doneText } from '~/util/actions'
import { cx } from '~/util/cx'
import { briefOf, type NameOf } from '~/util/diff'
import { sentence } from '~/util/format'
import { nounOf, subjectOf, type Things, toldName } from '~/util/things'
import { visible } from '~/util/visible'
import { Name, ThingLink } from './thing-link'

const t = texts('audit')

export interface RowProps {
  row: AuditRow
  things: Things
  permissions: Permission[]
  /** The server on whose page it stands: what is about itself needs no name. */
  of?: string | undefined
}

export function namesOf(things: Things): NameOf {
  return (id) => things.get(id)?.name
}

/** Two lines of a cell: what is read first, and what is read second. */
function Two({
  first,
  second,
  wraps = false,
}: {
  first: ReactNode
  second?: ReactNode
  /** Words of ours, which are not cut: names of others are. */
  wraps?: boolean
}) {
  return (
    <div className="min-w-0">
      <div className={cx('leading-[18px] font-medium', wraps ? 'whitespace-normal' : 'truncate')}>
        {first}
      </div>
      {second && <div className="flex min-w-0 items-center gap-1 text-12 text-t3">{second}</div>}
    </div>
  )
}

function Machine({ icon: Icon }: { icon: LucideIcon }) {
  return (
    <span
      aria-hidden="true"
      className="inline-flex size-7 shrink-0 items-center justify-center rounded-pill border border-line-2 bg-surface-3 text-t2"
    >
      <Icon size={14} strokeWidth={1.75} />
    </span>
  )
}

const isMachine = (kind: string) => kind !== 'user' && kind !== 'api_key'

const MACHINES: Record<string, LucideIcon> = { node: Network, nobody: UserX }

/** Who it was: a person, a node, the panel itself, or somebody at the door. */
export function ActorName({ row: { actor }, things }: RowProps) {
  const { kind, user, by } = actor
  if (kind === 'node')
    return <ThingLink id={by?.id ?? null} told={by?.name || t('node_gone')} things={things} />
  if (kind === 'nobody') return t('not_logged_in')
  if (isMachine(kind)) return t('panel')
  return user ? (
    <ThingLink id={user.id} told={user.name || t('somebody_gone')} things={things} />
  ) : (
    t('somebody')
  )
}

/** Through what it was done, where that is not the person by hand. */
export function Through({ row: { actor } }: RowProps) {
  const { kind, by } = actor
  if (kind === 'node') return <span className="text-12 text-t3">{t('through.node')}</span>
  if (kind !== 'api_key') return null
  return (
    <span className="inline-flex min-w-0 items-center gap-1 text-12 text-t3">
      <KeyRound aria-hidden="true" size={12} strokeWidth={1.75} className="shrink-0" />
      <span className="truncate" title={by ? visible(by.name) : undefined}>
        {by
          ? t.rich('through.key', { key: by.name, name: () => <Name>{by.name}</Name> })
          : t('through.key_gone')}
      </span>
    </span>
  )
}

export function Who(props: RowProps) {
  const { kind, user } = props.row.actor
  const through = kind === 'node' || kind === 'api_key'
  return (
    <div className="flex items-center gap-2.5">
      {isMachine(kind) ? (
        <Machine icon={(Object.hasOwn(MACHINES, kind) && MACHINES[kind]) || Cog} />
      ) : (
        <Avatar name={user?.name || '?'} />
      )}
      <Two
        wraps={kind === 'nobody'}
        first={<ActorName {...props} />}
        second={through && <Through {...props} />}
      />
    </div>
  )
}

/** What was done in words, and quietly the key under which it stands. */
export function What(props: RowProps) {
  const { row, things, permissions, of } = props
  const brief = briefOf(row, namesOf(things))
  const aside = of !== undefined && !isItself(row, of) && <On {...props} compact />
  return (
    <Two
      wraps={!aside}
      first={
        <>
          {doneText(row, permissions)}
          {aside && <span className="font-normal text-t2"> · {aside}</span>}
        </>
      }
      second={
        <>
          <span className="mono shrink-0">{visible(row.action)}</span>
          {brief && (
            <span className="truncate before:mr-1 before:content-['·']" title={brief}>
              <bdi>{brief}</bdi>
            </span>
          )}
        </>
      }
    />
  )
}

function isItself({ resource, resource_id }: AuditRow, server: string): boolean {
  return resource === 'server' && resource_id === server
}

/** What an entry is about that names nothing. */
function unnamed({ action, resource }: AuditRow): string {
  if (action === 'session.refused') return t('no_account')
  return resource === 'audit' ? t('log') : sentence(nounOf(visible(resource)))
}

/** On what it was done: its name, its kind, and the server that it touches where that is another thing. */
export function On({ row, things, of, compact = false }: RowProps & { compact?: boolean }) {
  const { resource, resource_id, server } = row
  const own = resource === 'server' && server?.id === resource_id
  const told = (own && server?.name) || toldName(row)
  const known = subjectOf(row, things) !== undefined
  const named = known || told !== undefined
  const noun = nounOf(visible(resource))
  const name = named ? (
    <ThingLink id={known ? resource_id : null} told={told} things={things} />
  ) : (
    unnamed(row)
  )
  const touched = !own && server && server.id !== of && (
    <span className="truncate">
      {t.rich('on_server', {
        name: server.name,
        server: () => <ThingLink id={server.id} told={server.name || t('server_gone')} things={things} />,
      })}
    </span>
  )
  if (compact)
    return (
      <span className="inline-flex min-w-0 flex-wrap gap-x-1 [overflow-wrap:anywhere]">
        {name}
        {touched}
      </span>
    )
  return (
    <Two
      first={name}
      second={
        named || touched ? (
          <>
            {named && <span className="shrink-0">{noun}</span>}
            {touched}
          </>
        ) : null
      }
    />
  )
}

/** From which address; not every entry has one, and not everybody sees others'. */
export function From({ row: { address } }: RowProps) {
  if (address === null)
    return (
      <span className="text-t3" title={t('no_address')}>
        <span aria-hidden="true">–</span>
        <span className="sr-only">{t('not_shown')}</span>
      </span>
    )
  return (
    <span className="mono block truncate text-12 text-t2" title={address}>
      {visible(address)}
    </span>
  )
}
