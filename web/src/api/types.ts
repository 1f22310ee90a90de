import type { components } from './schema'

// Names the rest of the app uses; the generated file keeps the shapes.
type Schemas = components['schemas']

export type Allocation = Schemas['Allocation']
export type ApiKey = Schemas['ApiKey']
export type AuditActor = Schemas['AuditActor']
/** What changed has each action's own shape: the specification says no more than that it is an object. */
export type AuditRow = Omit<Schemas['AuditRow'], 'diff'> & { diff: Record<string, unknown> | null }
export type ArchiveEntry = Schemas['ArchiveEntryInfo']
export type ArchivePage = Schemas['ArchivePage']
export type Backup = Schemas['Backup']
export type BackupList = Schemas['BackupList']
export type BackupKey = Schemas['BackupKey']
export type BackupSettings = Schemas['BackupSettings']
export type BackupSettingsUpdate = Schemas['BackupSettingsUpdate']
export type BackupStore = Schemas['BackupStore']
export type CloudEvent = Schemas['CloudEvent']
export type ConnectedLogin = Schemas['LinkedLogin']
export type ConsoleHit = Schemas['SearchHit']
export type ConsolePage = Schemas['ConsolePage']
export type CreateServer = Schemas['ServerCreate']
export type Database = Schemas['Database']
export type DatabaseConnection = Schemas['DatabaseConnection']
export type DatabaseEngine = Schemas['DatabaseEngine']
export type DatabaseHost = Schemas['DatabaseHost']
export type DatabaseHostChoice = Schemas['DatabaseHostChoice']
export type DatabaseHostTest = Schemas['DatabaseHostTest']
export type DatabaseState = Schemas['DatabaseState']
export type DatabaseTls = Schemas['DatabaseTls']
export type Egg = Schemas['Egg']
export type EggImported = Schemas['EggImported']
export type EggSummary = Schemas['EggSummary']
export type EggVariable = Schemas['EggVariable']
export type EventConsumer = Schemas['Consumer']
export type Checksum = Schemas['ChecksumInfo']
export type ChecksumAlgorithm = Schemas['ChecksumAlgorithm']
export type DiskUse = Schemas['UsageInfo']
export type FileEntry = Schemas['FileInfo']
export type FileMatch = Schemas['FileMatchInfo']
export type Grant = Schemas['RoleGrant']
export type HostedDatabase = Schemas['HostedDatabase']
export type JoinToken = Schemas['JoinTokenInfo']
export type Location = Schemas['Location']
export type Metrics = Schemas['MetricSeries']
export type Mount = Schemas['Mount']
export type Nest = Schemas['Nest']
export type NewEventConsumer = Schemas['ConsumerCreated']
export type NewJoinToken = Schemas['JoinTokenCreated']
export type NewPerson = Schemas['PersonCreated']
export type Node = Schemas['Node']
export type Operation = Schemas['Operation']
export type Passkey = Schemas['Passkey']
export type PasskeyOffer = Schemas['PasskeyOffer']
export type Permission = Schemas['Permission']
export type Permissions = Schemas['Permissions']
export type Person = Schemas['Person']
export type Plan = Schemas['Plan']
export type PanelSettings = Schemas['PanelSettings']
export type PortChange = Schemas['PortChange']
export type PowerAction = Schemas['PowerAction']
export type Preset = Schemas['Preset']
export type Profile = Schemas['Profile']
export type Provider = Schemas['SsoProvider']
export type Quota = Schemas['Quota']
export type Reach = Schemas['ReachKind']
export type Reason = Schemas['Reason']
export type Registry = Schemas['Registry']
export type Role = Schemas['Role']
export type Run = Schemas['Run']
export type SecondFactor = Schemas['SecondFactor']
export type SecondFactorOffer = Schemas['SecondFactorOffer']
export type Server = Schemas['Server']
export type ServerMount = Schemas['ServerMount']
export type ServerPort = Schemas['ServerAllocation']
export type ServerState = Schemas['ServerState']
export type ServerSummary = Schemas['ServerSummary']
export type ServerTally = Schemas['ServerTally']
export type Session = Schemas['CurrentSession']
export type SessionRow = Schemas['SessionInfo']
export type SignedIn = Schemas['LoggedIn']
export type Starter = Schemas['Starter']
export type Subuser = Schemas['Subuser']
export type Transfer = Schemas['Transfer']
export type TrashItem = Schemas['TrashItem']
export type UpdateServer = Schemas['ServerPatch']
export type Why = Schemas['Why']

type Main = 'memory_bytes' | 'swap_bytes' | 'disk_bytes' | 'cpu_percent'
export type Limits = Schemas['Limits'] & Required<Pick<Schemas['Limits'], Main | 'databases' | 'backups'>>

/** Limits with their defaults filled in: what is left out has no limit, but for databases and backups, of which there are none. */
export function limitsOf(limits: Schemas['Limits']): Limits {
  return {
    ...limits,
    memory_bytes: limits.memory_bytes ?? 0,
    swap_bytes: limits.swap_bytes ?? 0,
    disk_bytes: limits.disk_bytes ?? 0,
    cpu_percent: limits.cpu_percent ?? 0,
    databases: limits.databases === undefined ? 0 : limits.databases,
    backups: limits.backups === undefined ? 0 : limits.backups,
  }
}
export type SftpDetails = Schemas['SftpDetails']
export type SshKey = Schemas['SshKey']
