import type { Problem } from '~/api/problem'
import type { Server, ServerPort } from '~/api/types'
import { texts } from '~/i18n/texts'
import { sentence } from './format'

const t = texts('server_settings')

/** Ports beside the primary one, as control counts them. */
export const MOST_EXTRA = 32
/** Below, only the system's own services listen. */
export const LOWEST = 1024

/** A game that runs, or has been asked to, holds its ports. */
function holdsPorts(server: Server): boolean {
  const asked = server.intent?.action
  return (
    ['starting', 'running', 'stopping'].includes(server.state) || asked === 'start' || asked === 'restart'
  )
}

/** Why a port can't be given back, or false when it can: the rules of control's `server::ports`. */
export function giveBackOff(server: Server, port: ServerPort): string | false {
  if (!server.permissions.includes('allocation.delete')) return t('ports.off.back')
  if (port.primary) return t('ports.off.primary')
  return holdsPorts(server) ? t('ports.off.held') : false
}

export function makePrimaryOff(server: Server): string | false {
  return server.permissions.includes('allocation.update') ? false : t('ports.off.choose')
}

/** How many ports a server has is a limit, which only administrators set. */
export function addOff(server: Server): string | false {
  if (!server.permissions.includes('admin.server.limits')) return t('ports.off.add')
  return server.allocations.length > MOST_EXTRA ? t('ports.off.most', { n: MOST_EXTRA }) : false
}

/** A certain port as typed: the number, or what is wrong with it. */
export function certainPort(text: string): { port: number } | { wrong: string } {
  const port = Number(text)
  return /^\d{1,5}$/.test(text) && port >= LOWEST && port <= 65_535
    ? { port }
    : { wrong: t('ports.range', { lowest: LOWEST }) }
}

export interface PortTrouble {
  /** Beside which field it is said; none: below all of them. */
  field: 'port' | 'ip' | 'extra' | undefined
  text: string
}

/** Why ports were not given, in words, with what to do. */
export function portTrouble(
  problem: Problem,
  asked: { port: string; ip: string; node: string },
): PortTrouble {
  const values = { port: asked.port || 'none', node: asked.node }
  switch (problem.code) {
    case 'port_taken':
      return { field: 'port', text: t('ports.trouble.taken', { said: ended(problem.message) }) }
    case 'port_withdrawn':
      return {
        field: 'port',
        text: t('ports.trouble.withdrawn', values),
      }
    case 'port_not_offered':
      return {
        field: asked.ip ? 'ip' : 'port',
        text: t('ports.trouble.not_offered', { ...values, ip: asked.ip || 'none' }),
      }
    case 'no_free_port':
      return { field: 'extra', text: ended(problem.message) }
    default: {
      const { fields } = problem
      const port = fields['ports.add'] ?? fields.ports
      if (port) return { field: 'port', text: port }
      if (fields['ports.extra']) return { field: 'extra', text: fields['ports.extra'] }
      return { field: undefined, text: ended(problem.message) }
    }
  }
}

function ended(text: string): string {
  return /[.!?]$/.test(text) ? sentence(text) : `${sentence(text)}.`
}

/** Those that were not there before. */
export function newPorts(before: ServerPort[], after: ServerPort[]): number[] {
  const known = new Set(before.map((port) => port.id))
  return after.filter((port) => !known.has(port.id)).map((port) => port.port)
}
