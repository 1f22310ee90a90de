import {
  Egg,
  KeyRound,
  LayoutDashboard,
  ListChecks,
  type LucideIcon,
  Network,
  Radio,
  Server,
} from 'lucide-react'

export interface Place {
  to: '/' | '/servers' | '/nodes' | '/eggs' | '/consumers' | '/registries' | '/operations'
  label: string
  icon: LucideIcon
  /** Only for administrators. */
  admin: boolean
  keys?: string
}

export const PLACES: Place[] = [
  { to: '/', label: 'Overview', icon: LayoutDashboard, admin: false, keys: 'g o' },
  { to: '/servers', label: 'Servers', icon: Server, admin: false, keys: 'g s' },
  { to: '/nodes', label: 'Nodes', icon: Network, admin: true, keys: 'g n' },
  { to: '/eggs', label: 'Eggs', icon: Egg, admin: true, keys: 'g e' },
]
export const ADMIN_PLACES: Place[] = [
  { to: '/operations', label: 'Operations', icon: ListChecks, admin: false },
  { to: '/consumers', label: 'Event consumers', icon: Radio, admin: true },
  { to: '/registries', label: 'Registries', icon: KeyRound, admin: true },
]
