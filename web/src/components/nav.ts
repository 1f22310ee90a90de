import {
  Egg,
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
  Users,
} from 'lucide-react'
import type { Mine } from '~/hooks/use-may'

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
    | '/operations'
  label: string
  icon: LucideIcon
  /** What one needs to have on the panel for it, or on a node; none: everybody goes there. */
  key?: string
  keys?: string
}

export const PLACES: Place[] = [
  { to: '/', label: 'Overview', icon: LayoutDashboard, keys: 'g o' },
  { to: '/servers', label: 'Servers', icon: Server, keys: 'g s' },
  { to: '/nodes', label: 'Nodes', icon: Network, key: 'node.read', keys: 'g n' },
  { to: '/eggs', label: 'Eggs', icon: Egg, key: 'egg.read', keys: 'g e' },
]
export const ADMIN_PLACES: Place[] = [
  { to: '/people', label: 'People', icon: Users, key: 'person.read', keys: 'g p' },
  { to: '/roles', label: 'Roles', icon: IdCard, key: 'role.read', keys: 'g r' },
  { to: '/plans', label: 'Plans', icon: Gauge, key: 'plan.read' },
  { to: '/audit', label: 'Audit log', icon: History, key: 'audit.read', keys: 'g a' },
  { to: '/operations', label: 'Operations', icon: ListChecks },
  { to: '/consumers', label: 'Event consumers', icon: Radio, key: 'admin.events' },
  { to: '/registries', label: 'Registries', icon: KeyRound, key: 'registry.read' },
]

/** Those of the places that the reader may go to. */
export function openTo({ somewhere }: Mine, places: Place[]): Place[] {
  return places.filter(({ key }) => !key || somewhere(key))
}
