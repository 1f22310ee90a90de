import type { Node, PowerAction, Server, ServerSummary } from '~/api/types'
import { texts } from '~/i18n/texts'

const t = texts('state')

export type Family = 'run' | 'move' | 'stop' | 'warn' | 'fail'

/** What a badge shows: an observed state, or a condition that control lays over it. */
export type Shown =
  | 'running'
  | 'starting'
  | 'stopping'
  | 'installing'
  | 'transferring'
  | 'restoring'
  | 'stopped'
  | 'new'
  | 'unreachable'
  | 'suspended'
  | 'crashed'
  | 'error'
  | 'deleting'

export const FAMILY: Record<Shown, Family> = {
  running: 'run',
  starting: 'move',
  stopping: 'move',
  installing: 'move',
  transferring: 'move',
  restoring: 'move',
  deleting: 'move',
  stopped: 'stop',
  new: 'stop',
  unreachable: 'warn',
  suspended: 'warn',
  crashed: 'fail',
  error: 'fail',
}

/** A whole sentence: "The server is running". */
export function serverIs(state: string): string {
  return t('server_is', { state })
}

export function stateWord(state: Shown): string {
  return t(`shown.${state}`)
}

/** As it stands in the title of a browser's tab, behind a name. */
export function tabWord(state: Shown): string {
  return t(`tab.${state}`)
}

export function powerWord(action: PowerAction): string {
  return t(`power.${action}`)
}

/** Conditions win over the state: what one may do depends on them first. */
export function shownState(server: ServerSummary): Shown {
  if (server.node.state === 'offline') return 'unreachable'
  if (server.suspended) return 'suspended'
  return server.state in FAMILY ? (server.state as Shown) : 'error'
}

/** An order that has been given and has not been answered by a fact yet. */
export function pendingIntent(server: ServerSummary): { word: string; since: number } | undefined {
  const intent = server.intent
  if (!intent) return undefined
  const since = Date.parse(intent.asked_at)
  const done: Record<PowerAction, string[]> = {
    start: ['running', 'starting'],
    restart: ['starting', 'stopping'],
    stop: ['stopped', 'stopping'],
    kill: ['stopped', 'crashed'],
  }
  if (done[intent.action].includes(server.state)) return undefined
  return { word: t(`intent.${intent.action}`), since }
}

function failedInstall(server: ServerSummary | Server): boolean {
  if ('install' in server && server.install) return server.install.result === 'failed'
  return server.state === 'error' && server.reason === 'install_failed'
}

/**
 * Why a power button is off, or false when it works. The states are those that control enforces
 * (DESIGN, "Wanted and observed"); a button that is off says which rule keeps it so.
 */
export function powerOff(server: ServerSummary | Server, action: PowerAction): string | false {
  const may =
    'permissions' in server
      ? server.permissions.includes(`control.${action === 'kill' ? 'stop' : action}`)
      : true
  if (!may) return t('off.no_right')
  if (server.suspended && action === 'start') return t('off.suspended')
  const state = server.state
  if (state === 'installing') return t('off.installing')
  if (state === 'new') return t('off.new')
  const begins = action === 'start' || action === 'restart'
  if (begins && failedInstall(server)) return t('off.install_failed')
  const job = server.operation
  if (begins && job && (job.state === 'pending' || job.state === 'running'))
    return t('off.files_in_use', { job: job.kind })
  const alive = state === 'running' || state === 'starting' || state === 'stopping'
  switch (action) {
    case 'start':
      return alive ? serverIs(state) : false
    case 'stop':
      if (state === 'stopping') return t('off.stopping')
      return alive ? false : t('off.not_running')
    case 'restart':
      if (state === 'stopping') return t('off.stopping')
      return server.suspended ? t('off.suspended') : false
    case 'kill':
      return alive ? false : t('off.not_running')
  }
}

/** Why a node can't be taken back, or false when it can: one that is connected is not pushed out. */
export function takeBackOff(node: Node): string | false {
  switch (node.state) {
    case 'online':
      return t('take_back.online')
    case 'quarantined':
      return t('take_back.quarantined')
    case 'offline':
    case 'revoked':
      return false
  }
}

export interface NodeShown {
  family: Family
  word: string
  note?: string
}

export function nodeShown(node: Node): NodeShown {
  switch (node.state) {
    case 'offline':
      return { family: 'warn', word: t('node.away') }
    case 'quarantined':
      return { family: 'warn', word: t('node.quarantined'), note: t('node.quarantined_note') }
    case 'revoked':
      return { family: 'fail', word: t('node.revoked') }
    case 'online': {
      const worst =
        node.conditions.find((c) => c.level === 'error') ??
        node.conditions.find((c) => c.level === 'warning' || c.level === 'warn')
      if (worst) {
        return {
          family: worst.level === 'error' ? 'fail' : 'warn',
          word: t('node.needs_look'),
          note: worst.message,
        }
      }
      return { family: 'run', word: t('node.healthy') }
    }
  }
}
