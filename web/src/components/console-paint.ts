import { hasColour, plain, sanitize } from '~/live/ansi'
import type { Entry, LineEntry } from '~/live/console-log'

const SGR = '\x1b['
const RESET = `${SGR}0m`
/** "[Server thread/INFO]: ", "[12:00:01 INFO]: ", a colour before it or not: read second, so it steps back. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const PREFIX = /^((?:\x1b\[[0-9;:]*m)*)(?:\[[^\]]{0,24}\] ?)?\[[^\]]{0,48}\b(INFO|WARN|ERROR)(?:ING)?\]:? ?/
/** Letters and signs of which each takes one cell; anything else may take two, or none. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are looked at apart
const EVEN_WIDTH = /^[\x1b\x20-\x7e\xa0-\u02ff\u2010-\u2027]*$/

export type LevelFilter = 'all' | 'warn' | 'error'

export function passes(entry: Entry, filter: LevelFilter): boolean {
  if (filter === 'all' || entry.kind === 'hole') return true
  if (entry.level === 'error') return true
  return filter === 'warn' && entry.level === 'warn'
}

/** What is written to the terminal for one entry; a hole is an empty row under its own marker. */
export function ink(entry: Entry, accent: string, narrow: boolean, cols: number): string {
  if (entry.kind === 'hole') return '\r\n'
  const line = inkLine(entry, narrow, accent)
  return `${narrow ? brokenAtWords(line, cols) : line}${RESET}\r\n`
}

/**
 * Fills a row with blanks where the next word would be cut in two: the terminal itself wraps at any character,
 * which on a phone is most lines. Words longer than a row, and text of uncertain width, are left to it.
 */
export function brokenAtWords(line: string, cols: number): string {
  if (!EVEN_WIDTH.test(line)) return line
  let column = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes take no room
  return line.replace(/( *)((?:\x1b\[[0-9;:]*[A-Za-z]|[^ \x1b])+)/g, (_all, blanks: string, word: string) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the same
    const width = word.replace(/\x1b\[[0-9;:]*[A-Za-z]/g, '').length
    const start = column + blanks.length
    const left = cols - (start % cols)
    const pad = width > left && width <= cols && start > 0 && left < cols ? left : 0
    column = start + pad + width
    return `${blanks}${' '.repeat(pad)}${word}`
  })
}

function inkLine(entry: LineEntry, narrow: boolean, accent: string): string {
  if (entry.level === 'own') return `${SGR}${accent}mwarren   ${plain(entry.text)}`
  if (entry.level === 'typed') return `${SGR}1m> ${plain(entry.text).replace(/^>\s*/, '')}`
  const text = sanitize(entry.text)
  const [prefix = '', colour = '', level = ''] = PREFIX.exec(text) ?? []
  const rest = text.slice(prefix.length)
  const head = narrow && level ? `${level} ` : prefix.slice(colour.length)
  if (colour) return `${colour}${head}${rest}`
  if (!hasColour(text) && entry.level === 'warn') return `${SGR}33m${head}${rest}`
  if (!hasColour(text) && entry.level === 'error') return `${SGR}31m${head}${rest}`
  return level === 'INFO' ? `${SGR}90m${head}${SGR}39m${rest}` : `${head}${rest}`
}

/** "#rrggbb" as the parameters of a true colour escape. */
export function trueColour(hex: string): string {
  const value = Number.parseInt(hex.replace('#', '').slice(0, 6), 16)
  if (Number.isNaN(value)) return '35'
  return `38;2;${(value >> 16) & 255};${(value >> 8) & 255};${value & 255}`
}
