import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { breaksOf, contentOf, files, openDocuments } from './documents'

let disk: { text: string; etag: string } | undefined
let writes: Array<{ match: string | null; text: string }> = []

function answer(status: number, body: BodyInit, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers })
}
function refused(status: number, code: string): Response {
  return answer(status, JSON.stringify({ code, title: 'Refused', detail: code, status }))
}

beforeEach(() => {
  disk = { text: 'one\n', etag: '"1"' }
  writes = []
  vi.stubGlobal('fetch', async (_url: string, init: RequestInit = {}) => {
    if (init.method !== 'PUT')
      return disk ? answer(200, disk.text, { etag: disk.etag }) : refused(404, 'file_not_found')
    const headers = new Headers(init.headers)
    const match = headers.get('if-match')
    const fits = headers.get('if-none-match') === '*' ? disk === undefined : match === disk?.etag
    if (!fits) return refused(412, 'changed_meanwhile')
    writes.push({ match, text: String(init.body) })
    disk = { text: String(init.body), etag: `"${writes.length + 10}"` }
    return answer(200, JSON.stringify({ etag: disk.etag, size_bytes: disk.text.length }))
  })
})
afterEach(() => {
  for (const { server, path } of openDocuments()) files.close(server, path)
  vi.unstubAllGlobals()
})

const only = () => openDocuments()[0]
async function opened(path = '/a.txt') {
  files.open('s1', path)
  await vi.waitFor(() => expect(only()?.content).toBeDefined())
}
const type = (text: string) => files.edited('s1', '/a.txt', { text: () => text, state: null }, true)

it('saves what was typed over what was read, and no older', async () => {
  await opened()
  type('two\n')
  expect(only()?.dirty).toBe(true)
  expect(await files.save('s1', '/a.txt')).toBe('saved')
  expect(writes).toEqual([{ match: '"1"', text: 'two\n' }])
  type('three\n')
  expect(await files.save('s1', '/a.txt')).toBe('saved')
  expect(writes[1]?.match).toBe('"11"')
  expect(only()).toMatchObject({ dirty: false, saving: false, saved: 'three\n' })
})

it('holds both texts when somebody else has written, and saves neither unasked', async () => {
  await opened()
  disk = { text: 'theirs\n', etag: '"7"' }
  type('mine\n')
  expect(await files.save('s1', '/a.txt')).toBe('clash')
  expect(only()?.clash).toEqual({ text: 'theirs\n', etag: '"7"' })
  expect(disk.text).toBe('theirs\n')
  expect(only()?.dirty).toBe(true)
})

it('keeps mine over theirs as it was shown, not over what came after it', async () => {
  await opened()
  disk = { text: 'theirs\n', etag: '"7"' }
  type('mine\n')
  await files.save('s1', '/a.txt')
  disk = { text: 'later\n', etag: '"8"' }
  expect(await files.keepMine('s1', '/a.txt')).toBe('clash')
  expect(only()?.clash?.text).toBe('later\n')
  expect(await files.keepMine('s1', '/a.txt')).toBe('saved')
  expect([disk.text, only()?.dirty, only()?.clash]).toEqual(['mine\n', false, undefined])
})

it('takes theirs, or a merged text, as a new beginning', async () => {
  await opened()
  disk = { text: 'theirs\n', etag: '"7"' }
  type('mine\n')
  await files.save('s1', '/a.txt')
  const before = only()?.revision ?? 0
  expect(await files.keepMine('s1', '/a.txt', 'both\n')).toBe('saved')
  expect(only()).toMatchObject({ saved: 'both\n', dirty: false, draft: undefined, revision: before + 1 })
  type('more\n')
  await files.takeTheirs('s1', '/a.txt')
  expect(only()).toMatchObject({ saved: 'both\n', dirty: false, draft: undefined, revision: before + 2 })
})

it('writes a file anew that was deleted meanwhile, only when told to', async () => {
  await opened()
  disk = undefined
  type('mine\n')
  expect(await files.save('s1', '/a.txt')).toBe('clash')
  expect(only()?.clash).toEqual({ text: undefined, etag: undefined })
  expect(await files.keepMine('s1', '/a.txt')).toBe('saved')
  expect(disk).toMatchObject({ text: 'mine\n' })
})

it('stays unsaved when somebody types on while it is saved', async () => {
  await opened()
  let text = 'two'
  files.edited('s1', '/a.txt', { text: () => text, state: null }, true)
  const saving = files.save('s1', '/a.txt')
  text = 'two and a half'
  await saving
  expect(only()).toMatchObject({ saved: 'two', dirty: true })
})

it('follows a renamed folder, and forgets what was deleted', async () => {
  await opened('/world/a.txt')
  files.moved('s1', '/world', '/old')
  expect(only()?.path).toBe('/old/a.txt')
  files.gone('s1', ['/ol'])
  expect(openDocuments()).toHaveLength(1)
  files.gone('s1', ['/old'])
  expect(openDocuments()).toHaveLength(0)
})

it('tells text from what is none, and keeps its marks and ends of lines', () => {
  const of = (name: string, text: string) => contentOf(name, new TextEncoder().encode(text))
  expect(of('a.txt', '\ufeffa\r\nb\r\n')).toEqual([{ kind: 'text', breaks: '\r\n' }, '\ufeffa\r\nb\r\n'])
  expect(of('a.txt', 'a\0b')[0].kind).toBe('binary')
  expect(contentOf('a.png', new Uint8Array([0x89, 0x50, 0x4e, 0x47]))[0].kind).toBe('picture')
  // What only claims to be a picture is shown as what it is.
  expect(of('a.png', '<script>')[0].kind).toBe('text')
  expect([breaksOf('a\nb\r\n'), breaksOf('a\r\n'), breaksOf('a\rb')]).toEqual(['\n', '\r\n', '\n'])
})
