import type { components } from './schema'

// Names the rest of the app uses; the generated file keeps the shapes.
type Schemas = components['schemas']

export type Allocation = Schemas['Allocation']
export type CloudEvent = Schemas['CloudEvent']
export type ConsoleHit = Schemas['SearchHit']
export type ConsolePage = Schemas['ConsolePage']
export type CreateServer = Schemas['ServerCreate']
export type Egg = Schemas['Egg']
export type EggImported = Schemas['EggImported']
export type EggSummary = Schemas['EggSummary']
export type EggVariable = Schemas['EggVariable']
export type EventConsumer = Schemas['Consumer']
export type FileEntry = Schemas['FileInfo']
export type JoinToken = Schemas['JoinTokenInfo']
export type Metrics = Schemas['MetricSeries']
export type NewEventConsumer = Schemas['ConsumerCreated']
export type NewJoinToken = Schemas['JoinTokenCreated']
export type Node = Schemas['Node']
export type Operation = Schemas['Operation']
export type PortChange = Schemas['PortChange']
export type PowerAction = Schemas['PowerAction']
export type Registry = Schemas['Registry']
export type Run = Schemas['Run']
export type Server = Schemas['Server']
export type ServerPort = Schemas['ServerAllocation']
export type ServerState = Schemas['ServerState']
export type ServerSummary = Schemas['ServerSummary']
export type ServerTally = Schemas['ServerTally']
export type Session = Schemas['CurrentSession']
export type SessionRow = Schemas['SessionInfo']
export type Starter = Schemas['Starter']
export type UpdateServer = Schemas['ServerPatch']

type Main = 'memory_bytes' | 'swap_bytes' | 'disk_bytes' | 'cpu_percent'
export type Limits = Schemas['Limits'] & Required<Pick<Schemas['Limits'], Main>>

/** Limits with their defaults filled in: what is left out has no limit. */
export function limitsOf(limits: Schemas['Limits']): Limits {
  return {
    ...limits,
    memory_bytes: limits.memory_bytes ?? 0,
    swap_bytes: limits.swap_bytes ?? 0,
    disk_bytes: limits.disk_bytes ?? 0,
    cpu_percent: limits.cpu_percent ?? 0,
  }
}
