import { LanguageSupport, StreamLanguage, type StreamParser } from '@codemirror/language'
import { nameOf } from '~/util/path'
import { extension } from './kinds'

type Load = () => Promise<LanguageSupport>

function stream(parser: StreamParser<unknown>): LanguageSupport {
  return new LanguageSupport(StreamLanguage.define(parser))
}

const clike =
  (mode: 'java' | 'kotlin' | 'csharp' | 'c' | 'cpp' | 'squirrel'): Load =>
  async () =>
    stream((await import('@codemirror/legacy-modes/mode/clike'))[mode])
const script =
  (config: { typescript?: boolean; jsx?: boolean }): Load =>
  async () =>
    (await import('@codemirror/lang-javascript')).javascript(config)

const properties: Load = async () =>
  stream((await import('@codemirror/legacy-modes/mode/properties')).properties)
const shell: Load = async () => stream((await import('@codemirror/legacy-modes/mode/shell')).shell)

/** By the ends of names; each is a part of its own, loaded with the first file of its kind. */
const LANGUAGES: Record<string, Load> = {
  'properties ini cfg conf config env lang': properties,
  'yml yaml sk': async () => (await import('@codemirror/lang-yaml')).yaml(),
  'json json5 mcmeta jsonc': async () => (await import('@codemirror/lang-json')).json(),
  'xml svg': async () => (await import('@codemirror/lang-xml')).xml(),
  'js mjs cjs jsx': script({ jsx: true }),
  'ts mts': script({ typescript: true }),
  'java groovy gradle': clike('java'),
  'kt kts': clike('kotlin'),
  cs: clike('csharp'),
  'c h': clike('c'),
  'cpp hpp cc gsc': clike('cpp'),
  nut: clike('squirrel'),
  'sh bash zsh': shell,
  toml: async () => stream((await import('@codemirror/legacy-modes/mode/toml')).toml),
  lua: async () => stream((await import('@codemirror/legacy-modes/mode/lua')).lua),
  py: async () => stream((await import('@codemirror/legacy-modes/mode/python')).python),
  sql: async () => stream((await import('@codemirror/legacy-modes/mode/sql')).standardSQL),
  ps1: async () => stream((await import('@codemirror/legacy-modes/mode/powershell')).powerShell),
  'diff patch': async () => stream((await import('@codemirror/legacy-modes/mode/diff')).diff),
  css: async () => (await import('@codemirror/lang-css')).css(),
  'html htm': async () => (await import('@codemirror/lang-html')).html(),
  'md markdown': async () => (await import('@codemirror/lang-markdown')).markdown(),
}
const BY_ENDING = new Map(
  Object.entries(LANGUAGES).flatMap(([endings, load]) =>
    endings.split(' ').map((ending) => [ending, load] as const),
  ),
)

/** What colours a file, by its name; nothing for plain text. */
export function languageOf(path: string): Load | undefined {
  const name = nameOf(path)
  if (/^(\.bashrc|\.profile|\.bash_\w+)$/.test(name)) return shell
  if (/^\.env(\.|$)/.test(name)) return properties
  return BY_ENDING.get(extension(name))
}
