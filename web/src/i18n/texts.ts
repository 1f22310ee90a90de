import { createElement, Fragment, type ReactNode } from 'react'
import common from './en/common.json'
import { type Language, LOCALES } from './languages'
import { type Part, parse, said, type Values } from './message'

/**
 * Every namespace with its keys, and what each key's message has to be given. Filled by `types/*.d.ts`, which
 * `npm run texts` writes from the English catalogues.
 */
// biome-ignore lint/suspicious/noEmptyInterface: each catalogue adds to it.
export interface Texts {}

export type Namespace = keyof Texts
export type Key<N extends Namespace> = keyof Texts[N] & string

/** What a message puts in as it is. */
export type Word = string | number
/** What code makes of `<name>…</name>`. */
export type Tag = (inner: ReactNode) => ReactNode

/** Of a key that is one of several: what all of them want. */
type All<P> = (P extends unknown ? (p: P) => void : never) extends (p: infer I) => void ? I : never
type Plain<P> = { [K in keyof P as P[K] extends Tag ? never : K]: P[K] }
type Rich<P> = { [K in keyof P]: P[K] extends Tag ? Tag : Word extends P[K] ? ReactNode : P[K] }
type Given<P> = [keyof P] extends [never] ? [] : [values: P]

export interface Translate<N extends Namespace> {
  /** The text; tags in it are left out, and what they enclose stays. */
  <K extends Key<N>>(key: K, ...given: Given<Plain<All<Texts[N][K]>>>): string
  /** The text with elements in it. */
  rich<K extends Key<N>>(key: K, ...given: Given<Rich<All<Texts[N][K]>>>): ReactNode
  /** The text of a key that comes from elsewhere, such as a problem's code: none if there is none. It takes no values. */
  maybe(key: string): string | undefined
}

type Catalogue = Record<string, string>

type Files = Record<string, () => Promise<Catalogue>>

/** What the door says. */
const FIRST = import.meta.glob<Catalogue>(['./*/common.json', './*/door.json', '!./en/common.json'], {
  import: 'default',
})
/** All else, one list per language: all of them together would be 5 kB of the first page. */
const LISTS = import.meta.glob<Files>('./*/files.ts', { import: 'files' })

const catalogues = new Map<string, Catalogue>([['en/common', common]])
const loading = new Map<string, Promise<void>>()
const wanted = new Set<string>(['common'])
const extras = new Set<string>()
const listeners = new Set<() => void>()
let current: Language = 'en'

/** The language that is spoken now. */
export function language(): Language {
  return current
}

export function onLanguage(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

async function fileOf(path: string): Promise<Catalogue | undefined> {
  const first = FIRST[`./${path}.json`]
  if (first) return first()
  const [tongue, namespace] = path.split('/', 2)
  const list = await LISTS[`./${tongue}/files.ts`]?.()
  return list?.[`./${namespace}.json`]?.()
}

function load(path: string): Promise<void> {
  const under = loading.get(path)
  if (under) return under
  if (catalogues.has(path)) return Promise.resolve()
  const read = fileOf(path)
    .then((catalogue) => {
      if (catalogue) catalogues.set(path, catalogue)
    })
    .finally(() => loading.delete(path))
  loading.set(path, read)
  return read
}

/** More than the door is wanted soon: the list of what there is comes before somebody waits for it. */
export function expectMore(): void {
  void LISTS[`./${current}/files.ts`]?.().catch(() => undefined)
}

async function loadAll(tongue: Language): Promise<void> {
  // What is loaded may have wanted more meanwhile.
  for (let had = -1; had !== wanted.size; ) {
    had = wanted.size
    await Promise.all([...wanted].map((namespace) => load(`${tongue}/${namespace}`)))
  }
}

/** Until all texts are here that the modules loaded so far want: a page is not drawn before. */
export async function ready(): Promise<void> {
  let tongue: Language
  do {
    tongue = current
    await loadAll(tongue)
  } while (tongue !== current)
}

let asked: Language | undefined

/** Changes the language, once its words are here: nobody sees a page without them. */
export async function speak(next: Language): Promise<void> {
  asked = next
  await loadAll(next)
  // Somebody has chosen another one meanwhile.
  if (asked !== next) return
  current = next
  if (drawn) loadExtras()
  for (const listener of listeners) listener()
}

/** For tests, which do not wait: catalogues that are there from the beginning. */
export function keep(files: Record<string, Catalogue>): void {
  for (const [path, catalogue] of Object.entries(files))
    catalogues.set(path.replace(/^\.\/|\.json$/g, ''), catalogue)
}

function message(namespace: string, key: string): string | undefined {
  return catalogues.get(`${current}/${namespace}`)?.[key] ?? catalogues.get(`en/${namespace}`)?.[key]
}

const parsed = new Map<string, Part[]>()
function partsOf(text: string): Part[] {
  let parts = parsed.get(text)
  if (!parts) {
    parts = parse(text)
    parsed.set(text, parts)
  }
  return parts
}

const speech = {
  plural: (n: number) => pluralRules().select(n),
  number: grouped,
}

/** One of a kind per language: making one is slow, and lists ask for many. */
export function perLanguage<T>(make: (locale: string) => T): () => T {
  const made = new Map<Language, T>()
  return () => {
    let one = made.get(current)
    if (one === undefined) {
      one = make(LOCALES[current])
      made.set(current, one)
    }
    return one
  }
}

const pluralRules = perLanguage((locale) => new Intl.PluralRules(locale))
const wholeFormat = perLanguage((locale) => new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }))

/** 4182 as "4 182" or "4.182". In English the groups stand apart by a space, as in all of our figures. */
export function grouped(n: number): string {
  const text = wholeFormat().format(Math.round(n))
  return current === 'en' ? text.replaceAll(',', ' ') : text
}

function look(namespace: string, key: string): Part[] {
  const text = message(namespace, key)
  if (text !== undefined) return partsOf(text)
  // A module said a text while it was loaded, or another language's catalogue is shorter: both are mistakes of ours.
  if (import.meta.env.DEV) throw new Error(`no text ${namespace}:${key} in ${current}`)
  return [key]
}

/**
 * The texts of a namespace, as a function. Called once at the head of a module: from then on the namespace is
 * loaded, and `ready` waits for it. What it returns is called while something is drawn, never while a module is loaded.
 */
export function texts<N extends Namespace>(namespace: N): Translate<N> {
  wanted.add(namespace)
  // Begun at once: the page that wants it comes a moment later.
  if (started) soon(namespace)
  return translate(namespace)
}

/** As `texts`, of a namespace that no page waits for: only `maybe` is of use. It comes once the first page is drawn. */
export function extra<N extends Namespace>(namespace: N): Pick<Translate<N>, 'maybe'> {
  extras.add(namespace)
  return translate(namespace)
}

let drawn = false
/** The first page is there: what can wait is loaded now. */
export function loadExtras(): void {
  drawn = true
  for (const namespace of extras) soon(namespace)
}

function soon(namespace: string): void {
  void load(`${current}/${namespace}`).catch(() => undefined)
}

function translate<N extends Namespace>(namespace: N): Translate<N> {
  const plain = (key: string, values: Values = {}) =>
    said(look(namespace, key), values, speech, (_, inner) => inner).join('')
  const rich = (key: string, values: Values = {}) => {
    const pieces = said(look(namespace, key), values, speech, (name, inner) => {
      const wrap = values[name] as Tag | undefined
      return [wrap ? wrap(together(inner)) : together(inner)]
    })
    return together(pieces)
  }
  const maybe = (key: string) => {
    const text = message(namespace, key)
    return text === undefined ? undefined : said(partsOf(text), {}, speech, (_, inner) => inner).join('')
  }
  return Object.assign(plain, { rich, maybe }) as Translate<N>
}

let started = false
/** From here on the language is known, so that texts can be loaded before somebody waits for them. */
export function begin(first: Language): void {
  current = first
  started = true
  for (const namespace of wanted) soon(namespace)
}

function together(pieces: unknown[]): ReactNode {
  return createElement(Fragment, null, ...(pieces as ReactNode[]))
}
