/* biome-ignore-all lint/suspicious/noControlCharactersInRegex: this file is about control characters */
import { visible } from '~/util/visible'

// CSI, OSC (with its string), and two-character escapes.
const ESCAPE =
  /\x1b(?:\[([0-9;:<=>?]*)([ -/]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])/g
const CONTROL = /[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g
/** Overrides and isolates: one that a player puts into a name would turn the rest of the line around. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g
const OPEN_ESCAPE = /\x1b(?:\[[0-9;:<=>?]*[ -/]*|\][^\x07\x1b]*\x1b?)?$/

/**
 * A console is a log: what moves up, clears the screen or sets modes is dropped, so that every line stays
 * where its time stands. Colours, carriage return and moves within the line stay.
 */
export function sanitize(text: string): string {
  return text
    .replace(ESCAPE, (all, _params, _mid, final) =>
      final === 'm' || final === 'K' || final === 'C' || final === 'D' || final === 'G' ? all : '',
    )
    .replace(CONTROL, '')
    .replace(TURNS, visible)
}

/** As `sanitize` for a line that is not finished: an escape cut in half waits for its rest. */
export function sanitizeOpen(text: string): string {
  return sanitize(text.replace(OPEN_ESCAPE, ''))
}

/** What a person reads: no escapes; of a line that was written over, its last state. */
export function plain(text: string): string {
  const bare = text.replace(ESCAPE, '').replace(CONTROL, '').replace(/\x1b/g, '').replace(TURNS, visible)
  if (!bare.includes('\r')) return bare
  return bare.split('\r').findLast((part) => part !== '') ?? ''
}

export function hasColour(text: string): boolean {
  return /\x1b\[[0-9;:]*m/.test(text)
}

export type LineLevel = 'normal' | 'warn' | 'error'

const ERROR = /(?:^|[[(/:\s|])(?:ERROR|SEVERE|FATAL|CRITICAL|PANIC)(?:[\])/:\s|]|$)|^(?:error|fatal)\b/i
const WARN = /(?:^|[[(/:\s|])(?:WARN|WARNING)(?:[\])/:\s|]|$)/i
const STACK = /^(?:\s+at\s|\s+\.\.\. \d+ more|Caused by:|\s*Suppressed:|[\w$.]+(?:Exception|Error)(?::|$))/

/** The level a game gives a line, read from the first 120 characters; stack lines follow the line before. */
export function levelOfLine(text: string, before: LineLevel): LineLevel {
  const head = text.slice(0, 120)
  if (STACK.test(head)) return before === 'warn' ? 'warn' : 'error'
  if (ERROR.test(head)) return 'error'
  if (WARN.test(head)) return 'warn'
  return 'normal'
}
