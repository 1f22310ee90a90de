import { describe, expect, it } from 'vitest'
import { typesOf, wantsOf } from './catalogue'
import { LANGUAGES } from './languages'
import { parse } from './message'

const files = import.meta.glob<Record<string, string>>('./*/*.json', { eager: true, import: 'default' })
const all = Object.entries(files).map(([path, texts]) => {
  const [, language = '', namespace = ''] = /^\.\/(\w+)\/(\w+)\.json$/.exec(path) ?? []
  return { language, namespace, texts }
})
const english = all.filter(({ language }) => language === 'en')
const others = Object.keys(LANGUAGES).filter((language) => language !== 'en')

it('each folder of words is a language that is offered', () => {
  expect([...new Set(all.map(({ language }) => language))].sort()).toEqual(Object.keys(LANGUAGES).sort())
})

describe.each(english)('$namespace', ({ namespace, texts }) => {
  it('has types that fit its English words', async () => {
    await expect(typesOf(namespace, texts)).toMatchFileSnapshot(`./types/${namespace}.d.ts`)
  })
  it.each(others)('says in %s what it says in English, with the same values', (language) => {
    const other = all.find((each) => each.language === language && each.namespace === namespace)?.texts ?? {}
    expect(Object.keys(other)).toEqual(Object.keys(texts))
    for (const [key, text] of Object.entries(texts)) {
      const [wanted, given] = [wantsOf(text), wantsOf(other[key] ?? '')]
      expect([key, [...given.keys()].sort()]).toEqual([key, [...wanted.keys()].sort()])
      for (const [name, type] of given) {
        // A language may choose words by a value that another only puts in, not count what is no number.
        const same = type === wanted.get(name) || (type === 'string' && wanted.get(name) === 'Word')
        expect([key, name, same]).toEqual([key, name, true])
      }
    }
  })
})

describe.each(all)('$language/$namespace', ({ language, texts }) => {
  it('leaves no text empty', () => {
    expect(Object.entries(texts).filter(([, text]) => text.trim() === '')).toEqual([])
  })
  it('has keys of one form', () => {
    expect(Object.keys(texts).filter((key) => !/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/.test(key))).toEqual([])
  })
  it('counts in all ways in which its language does', () => {
    const ways = new Intl.PluralRules(language).resolvedOptions().pluralCategories
    for (const [key, text] of Object.entries(texts)) {
      const plurals = parse(text).flatMap((part) =>
        typeof part === 'object' && part.kind === 'plural' ? [part] : [],
      )
      const missing = plurals.flatMap(({ cases }) =>
        // "many" in French is for a million and more: "other" says the same there.
        ways.filter((way) => way !== 'many' && !cases.has(way) && !cases.has('=0')),
      )
      expect([key, missing]).toEqual([key, []])
    }
  })
})

it('French has a space before its tall signs that does not break', () => {
  const broken = all
    .filter(({ language }) => language === 'fr')
    .flatMap(({ texts }) => Object.entries(texts).filter(([, text]) => / [;:?!»]|« /.test(text)))
  expect(broken).toEqual([])
})

it('has the apostrophe that is set, not the typewriter’s', () => {
  const typed = all.flatMap(({ texts }) =>
    Object.entries(texts).filter(([, text]) => /\p{L}'\p{L}/u.test(text)),
  )
  expect(typed).toEqual([])
})
