const HIDDEN = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu

/** Text of others: what would break the line, be drawn as nothing or turn the words around stands as its number. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)
}

/** The same of a text that may have several lines: those stay. */
export function visibleLines(text: string): string {
  return text.split(/\r?\n/).map(visible).join('\n')
}
