/*
 * Reads the messages of the catalogues: ICU MessageFormat, of which this is the part that we use.
 *
 *   {name}                                               what is given, as it is
 *   {n, number}                                          a number with its groups: 4 182
 *   {n, plural, =0 {none} one {# server} other {# servers}}   `#` is the number
 *   {kind, select, file {a file} other {something}}
 *   <link>read more</link>                               a part that code puts into an element
 *   '{' and '<'                                          those signs themselves
 *
 * A library for all of it weighs more than the first page has left (i18next 15.6 kB, with its React part 22.6 kB,
 * of 10.4 kB that are free); this weighs one.
 */

export type Part =
  | string
  | { kind: 'value' | 'number'; name: string }
  | { kind: 'plural' | 'select'; name: string; cases: Map<string, Part[]> }
  | { kind: 'tag'; name: string; inner: Part[] }

const NAME = /[A-Za-z]\w*/y
const CASE = /\s*(=\d+|\w+)\s*\{/y

class Reader {
  private at = 0
  private readonly text: string
  constructor(text: string) {
    this.text = text
  }

  /** All parts up to what ends them, which is taken too; `number` is what `#` stands for. */
  parts(end: string, number?: string): Part[] {
    const parts: Part[] = []
    let plain = ''
    const push = (part: Part) => {
      if (plain) parts.push(plain)
      plain = ''
      parts.push(part)
    }
    for (;;) {
      if (this.text.startsWith(end, this.at) && (end || this.at === this.text.length)) {
        this.at += end.length
        if (plain) parts.push(plain)
        return parts
      }
      const sign = this.text[this.at]
      if (sign === undefined) throw this.wrong(`${end} is missing`)
      this.at += 1
      if (sign === "'" && /[{}<>#]/.test(this.text[this.at] ?? '')) {
        const close = this.text.indexOf("'", this.at + 1)
        if (close < 0) throw this.wrong('a quote is not closed')
        plain += this.text.slice(this.at, close)
        this.at = close + 1
      } else if (sign === '{') push(this.argument())
      else if (sign === '<') push(this.tag(number))
      else if (sign === '}') throw this.wrong('} without {')
      else if (sign === '#' && number) push({ kind: 'number', name: number })
      else plain += sign
    }
  }

  private argument(): Part {
    const name = this.take(NAME, 'a name')[0]
    if (this.skip('}')) return { kind: 'value', name }
    const kind = this.take(/,\s*(number|plural|select)\s*/y, 'number, plural or select')[1]
    if (kind === 'number') {
      this.take(/\}/y, '}')
      return { kind, name }
    }
    this.take(/,/y, ',')
    const cases = new Map<string, Part[]>()
    while (!this.skip('}')) {
      const word = this.take(CASE, 'a case')[1] ?? ''
      cases.set(word, this.parts('}', kind === 'plural' ? name : undefined))
      this.take(/\s*/y, '')
    }
    if (!cases.has('other')) throw this.wrong('the case "other" is missing')
    return { kind: kind === 'plural' ? 'plural' : 'select', name, cases }
  }

  private tag(number: string | undefined): Part {
    const name = this.take(NAME, 'a name')[0]
    this.take(/>/y, '>')
    return { kind: 'tag', name, inner: this.parts(`</${name}>`, number) }
  }

  private skip(sign: string): boolean {
    const there = this.text[this.at] === sign
    if (there) this.at += 1
    return there
  }

  private take(pattern: RegExp, what: string): RegExpExecArray {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (!found) throw this.wrong(`${what} is missing`)
    this.at = pattern.lastIndex
    return found
  }

  private wrong(what: string): SyntaxError {
    return new SyntaxError(`${what} at ${this.at} of "${this.text}"`)
  }
}

export function parse(text: string): Part[] {
  return new Reader(text).parts('')
}

export interface Speech {
  plural: (n: number) => string
  number: (n: number) => string
}

export type Values = Record<string, unknown>

/** What is said, piece by piece; `tag` decides what becomes of the inside of one. */
export function said(
  parts: Part[],
  values: Values,
  speech: Speech,
  tag: (name: string, inner: unknown[]) => unknown[],
): unknown[] {
  return parts.flatMap((part): unknown[] => {
    if (typeof part === 'string') return [part]
    const value = values[part.name]
    switch (part.kind) {
      case 'value':
        return [value]
      case 'number':
        return [speech.number(Number(value))]
      case 'tag':
        return tag(part.name, said(part.inner, values, speech, tag))
      default: {
        const { cases } = part
        const word = part.kind === 'plural' ? speech.plural(Number(value)) : String(value)
        const found = cases.get(`=${String(value)}`) ?? cases.get(word) ?? cases.get('other') ?? []
        return said(found, values, speech, tag)
      }
    }
  })
}
