import type { Node, PowerAction, Server, ServerSummary } from '~/api/types'

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

/** As part of a sentence: "The server …". */
export function stateWords(state: string): string {
  if (state === 'error') return 'could not start'
  if (state === 'crashed') return 'has crashed'
  return `is ${state}`
}

export const WORD: Record<Shown, string> = {
  running: 'Running',
  starting: 'Starting',
  stopping: 'Stopping',
  installing: 'Installing',
  transferring: 'Transferring',
  restoring: 'Restoring',
  deleting: 'Deleting',
  stopped: 'Stopped',
  new: 'New',
  unreachable: 'Unreachable',
  suspended: 'Suspended',
  crashed: 'Crashed',
  error: 'Error',
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
  const words: Record<PowerAction, string> = {
    start: 'Starting',
    restart: 'Restarting',
    stop: 'Stopping',
    kill: 'Killing',
  }
  return { word: words[intent.action], since }
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
  if (!may) return 'You may not do this on this server'
  if (server.suspended && action === 'start') return 'The server is suspended'
  const state = server.state
  if (state === 'installing') return 'The server is being installed'
  if (state === 'new') return 'The server has not been installed yet'
  const begins = action === 'start' || action === 'restart'
  if (begins && failedInstall(server)) return 'Its install failed; reinstall it first'
  const job = server.operation
  if (begins && job && (job.state === 'pending' || job.state === 'running'))
    return `Its files are in use: ${job.kind}`
  const alive = state === 'running' || state === 'starting' || state === 'stopping'
  switch (action) {
    case 'start':
      return alive ? `The server ${stateWords(state)}` : false
    case 'stop':
      if (state === 'stopping') return 'The server is stopping'
      return alive ? false : 'The server does not run'
    case 'restart':
      if (state === 'stopping') return 'The server is stopping'
      return server.suspended ? 'The server is suspended' : false
    case 'kill':
      return alive ? false : 'The server does not run'
  }
}

/** Why a node can't be taken back, or false when it can: one that is connected is not pushed out. */
export function takeBackOff(node: Node): string | false {
  switch (node.state) {
    case 'online':
      return 'It is connected; nothing has to be taken back'
    case 'quarantined':
      return 'Two machines claim this identity; say first which one is kept'
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
      return { family: 'warn', word: 'Away' }
    case 'quarantined':
      return { family: 'warn', word: 'Quarantined', note: 'two machines claim this identity' }
    case 'revoked':
      return { family: 'fail', word: 'Revoked' }
    case 'online': {
      const worst =
        node.conditions.find((c) => c.level === 'error') ??
        node.conditions.find((c) => c.level === 'warning' || c.level === 'warn')
      if (worst) {
        return {
          family: worst.level === 'error' ? 'fail' : 'warn',
          word: 'Needs a look',
          note: worst.message,
        }
      }
      return { family: 'run', word: 'Healthy' }
    }
  }
}
