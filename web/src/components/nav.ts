import {
  Archive,
  Database,
  Egg,
  FolderTree,
  Gauge,
  History,
  IdCard,
  KeyRound,
  LayoutDashboard,
  ListChecks,
  type LucideIcon,
  Network,
  Radio,
  Server,
  SlidersHorizontal,
  Users,
} from 'lucide-react'
import type { Mine } from '~/hooks/use-may'
import type { Key } from '~/i18n/texts'

export interface Place {
  to:
    | '/'
    | '/servers'
    | '/nodes'
    | '/eggs'
    | '/people'
    | '/roles'
    | '/plans'
    | '/audit'
    | '/consumers'
    | '/registries'
    | '/database-hosts'
    | '/backup-stores'
    | '/mounts'
    | '/operations'
    | '/settings'
  /** Its name's key. */
  label: Extract<Key<'shell'>, `place.${string}`>
  icon: LucideIcon
  /** What one needs to have on the panel for it, or on a node; none: everybody goes there. */
  key?: string
  keys?: string
}

export const PLACES: Place[] = [
  { to: '/', label: 'place.overview', icon: LayoutDashboard, keys: 'g o' },
  { to: '/servers', label: 'place.servers', icon: Server, keys: 'g s' },
  { to: '/nodes', label: 'place.nodes', icon: Network, key: 'node.read', keys: 'g n' },
  { to: '/eggs', label: 'place.eggs', icon: Egg, key: 'egg.read', keys: 'g e' },
]
export const ADMIN_PLACES: Place[] = [
  { to: '/people', label: 'place.people', icon: Users, key: 'person.read', keys: 'g p' },
  { to: '/roles', label: 'place.roles', icon: IdCard, key: 'role.read', keys: 'g r' },
  { to: '/plans', label: 'place.plans', icon: Gauge, key: 'plan.read' },
  { to: '/audit', label: 'place.audit', icon: History, key: 'audit.read', keys: 'g a' },
  { to: '/operations', label: 'place.operations', icon: ListChecks },
  { to: '/consumers', label: 'place.consumers', icon: Radio, key: 'admin.events' },
  { to: '/registries', label: 'place.registries', icon: KeyRound, key: 'registry.read' },
  { to: '/database-hosts', label: 'place.database_hosts', icon: Database, key: 'database_host.read' },
  { to: '/backup-stores', label: 'place.backup_stores', icon: Archive, key: 'backup_store.read' },
  { to: '/mounts', label: 'place.mounts', icon: FolderTree, key: 'mount.read' },
  { to: '/settings', label: 'place.settings', icon: SlidersHorizontal, key: 'panel.read' },
]

/** Those of the places that the reader may go to. */
export function openTo({ somewhere }: Mine, places: Place[]): Place[] {
  return places.filter(({ key }) => !key || somewhere(key))
}
