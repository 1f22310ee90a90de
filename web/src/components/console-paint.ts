import { hasColour, plain, sanitize } from '~/live/ansi'
import type { Entry, LineEntry } from '~/live/console-log'

const SGR = '\x1b['
const RESET = `${SGR}0m`
/** "[Server thread/INFO]: ", "[12:00:01 INFO]: ": read second, so it steps back. */
const PREFIX = /^(?:\[[^\]]{0,24}\] ?)?\[[^\]]{0,48}INFO\]:? ?/

export type LevelFilter = 'all' | 'warn' | 'error'

export function passes(entry: Entry, filter: LevelFilter): boolean {
  if (filter === 'all' || entry.kind === 'hole') return true
  if (entry.level === 'error') return true
  return filter === 'warn' && entry.level === 'warn'
}

/** What is written to the terminal for one entry; a hole is an empty row under its own marker. */
export function ink(entry: Entry, narrow: boolean, accent: string): string {
  if (entry.kind === 'hole') return '\r\n'
  return `${inkLine(entry, narrow, accent)}${RESET}\r\n`
}

function inkLine(entry: LineEntry, narrow: boolean, accent: string): string {
  if (entry.level === 'own') return `${SGR}${accent}mwarren   ${plain(entry.text)}`
  if (entry.level === 'typed') return `${SGR}1m> ${plain(entry.text).replace(/^>\s*/, '')}`
  const text = sanitize(entry.text)
  if (hasColour(text)) return text
  if (entry.level === 'warn') return `${SGR}33m${text}`
  if (entry.level === 'error') return `${SGR}31m${text}`
  const prefix = PREFIX.exec(text)?.[0]
  if (!prefix) return text
  return `${SGR}90m${narrow ? 'INFO ' : prefix}${SGR}39m${text.slice(prefix.length)}`
}

/** "#rrggbb" as the parameters of a true colour escape. */
export function trueColour(hex: string): string {
  const value = Number.parseInt(hex.replace('#', '').slice(0, 6), 16)
  if (Number.isNaN(value)) return '35'
  return `38;2;${(value >> 16) & 255};${(value >> 8) & 255};${value & 255}`
}
