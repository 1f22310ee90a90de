import { describe, expect, it } from 'vitest'
import { askedIn, leftIn } from './source'

const files = import.meta.glob<string>(
  ['/src/**/*.{ts,tsx}', '!/src/**/*.test.*', '!/src/mock-api/**', '!/src/i18n/**', '!/src/api/schema.d.ts'],
  { eager: true, query: '?raw', import: 'default' },
)
const sources = Object.entries(files).map(([path, code]) => ({ path: path.slice('/src/'.length), code }))
const english = Object.entries(
  import.meta.glob<Record<string, string>>('./en/*.json', { eager: true, import: 'default' }),
).map(([path, texts]) => ({ namespace: path.slice('./en/'.length, -'.json'.length), texts }))

describe('code', () => {
  it('has no text for people in it', () => {
    const found = sources.flatMap(({ path, code }) =>
      leftIn(path, code).map(({ line, text }) => `${path}:${line} ${text}`),
    )
    expect(found).toEqual([])
  })
  it('says no text while a module is loaded: it would stay in the language of that moment', () => {
    const early = sources.flatMap(({ path, code }) =>
      askedIn(path, code).early.map(({ line, text }) => `${path}:${line} ${text}`),
    )
    expect(early).toEqual([])
  })
  it('loads parts of pages by `part`, which waits for their texts', () => {
    const lazy = sources.filter(({ code }) => /\blazy\(|\blazyRouteComponent\(/.test(code))
    expect(lazy.map(({ path }) => path)).toEqual([])
  })
})

const asked = sources.map(({ path, code }) => askedIn(path, code))

// Asked for by the codes of the panel.
describe.each(english.filter(({ namespace }) => namespace !== 'problems'))(
  '$namespace',
  ({ namespace, texts }) => {
    it('has no text that nobody says', () => {
      const mine = asked.filter(({ namespaces }) => namespaces.has(namespace))
      const unused = Object.keys(texts).filter(
        (key) =>
          !mine.some(({ keys, patterns }) => keys.has(key) || patterns.some((pattern) => pattern.test(key))),
      )
      expect(unused).toEqual([])
    })
  },
)

describe('text in code is found', () => {
  const found = (code: string) => leftIn('x.tsx', code).map(({ text }) => text)
  it.each([
    ['<p>Two words</p>', 'Two words'],
    ['<p>used</p>', 'used'],
    ['<i aria-label="close" />', 'close'],
    ['<Field help={a ? "as it is" : undefined} />', 'as it is'],
    ["<p>{a ? 'yes' : t('no')}</p>", 'yes'],
    ['<b title={`Copy ${what}`} />', 'Copy …'],
    ["const WORDS = { a: 'Renamed the server' }", 'Renamed the server'],
    ["toast.done('Saved')", 'Saved'],
    ["const said = [n, 'of the node'].join(' ')", 'of the node'],
    ["function f() { return 'At most 5 of them' }", 'At most 5 of them'],
    ["if (!may) return 'is not yours'", 'is not yours'],
  ])('%s', (code, text) => expect(found(code)).toEqual([text]))
  it.each([
    '<p className="flex items-center gap-2">{name}</p>',
    "const ROW = 'tx flex h-8 items-center gap-2.5 rounded-in px-3 font-[450] hover:text-t1'",
    '<Kbd>/</Kbd>',
    "import { a } from './some thing'",
    "type A = 'One thing' | 'another'",
    "if (key === 'Some Key') go()",
    "<Row keys='g o' to={`/servers/${id}`} />",
    "t('shell.key')",
    "cx('flex Grow', a && 'more of it')",
    '<p>Warren</p>',
    "document.querySelector('main input')",
  ])('%s is none', (code) => expect(found(`const t = texts('x')\n${code}`)).toEqual([]))
})
