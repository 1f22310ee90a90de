/** One address or network as it was typed, and where. */
export interface Typed {
  text: string
  /** From 1. */
  line: number
  /** Its place in the whole text, for a selection. */
  from: number
  to: number
}

/** Addresses of a text field: one per line, or several with commas between. */
export function addressesIn(text: string): Typed[] {
  const found: Typed[] = []
  for (const { 0: part, index } of text.matchAll(/[^,\n]+/g)) {
    const typed = part.trim()
    if (typed === '') continue
    const from = index + part.indexOf(typed)
    found.push({
      text: typed,
      line: text.slice(0, from).split('\n').length,
      from,
      to: from + typed.length,
    })
  }
  return found
}

/** What the panel refused of what was typed: `addresses.1` is about the second one. */
export interface Refused extends Typed {
  why: string
}

export function refusedIn(text: string, fields: Record<string, string>): Refused[] {
  return addressesIn(text).flatMap((typed, at) => {
    const why = fields[`addresses.${at}`]
    return why === undefined ? [] : [{ ...typed, why }]
  })
}
