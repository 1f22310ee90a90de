import { useSyncExternalStore } from 'react'
import { raw } from '~/api/client'
import { Problem } from '~/api/problem'
import { imageType, pictureIn } from './kinds'

/** What a file is, once its bytes are here. */
export type Content =
  | { kind: 'text'; breaks: '\n' | '\r\n' }
  | { kind: 'picture'; picture: Blob; bytes: number }
  /** Bytes that are no UTF-8: saving them as text would break them. */
  | { kind: 'binary'; text: string; bytes: number }
  | { kind: 'large' }

/** Text as somebody else has left it; nothing where they have deleted the file. */
export interface Theirs {
  text: string | undefined
  etag: string | undefined
}

/** What is being written. The editor keeps its own state in it: history, place, selection. */
export interface Draft {
  text: () => string
  state: unknown
}

export interface Document {
  server: string
  path: string
  content: Content | undefined
  error: unknown
  /** As the panel has it; nothing for a file that is not there yet. */
  saved: string | undefined
  etag: string | undefined
  draft: Draft | undefined
  dirty: boolean
  saving: boolean
  clash: Theirs | undefined
  /** Counts what the editor has not done itself: then it begins anew with `saved`. */
  revision: number
}

let documents: readonly Document[] = []
const listeners = new Set<() => void>()

function emit(next: readonly Document[]): void {
  documents = next
  for (const listener of listeners) listener()
}

function find(server: string, path: string): Document | undefined {
  return documents.find((each) => each.server === server && each.path === path)
}

function change(server: string, path: string, patch: Partial<Document>): void {
  const open = find(server, path)
  if (open) emit(documents.map((each) => (each === open ? { ...each, ...patch } : each)))
}

/** Text that ends all its lines in the DOS way is kept so; with any other it is not touched. */
export function breaksOf(text: string): '\n' | '\r\n' {
  const all = text.match(/\r\n?|\n/g) ?? []
  return all.length > 0 && all.every((each) => each === '\r\n') ? '\r\n' : '\n'
}

/** What the bytes are; the text too, where they are text. */
export function contentOf(name: string, bytes: Uint8Array<ArrayBuffer>): [Content, text: string | undefined] {
  const type = imageType(name) && pictureIn(bytes)
  if (type) return [{ kind: 'picture', picture: new Blob([bytes], { type }), bytes: bytes.length }, undefined]
  try {
    // A mark at the beginning is part of the file.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!bytes.includes(0)) return [{ kind: 'text', breaks: breaksOf(text) }, text]
  } catch {
    // No UTF-8.
  }
  const text = new TextDecoder('latin1').decode(bytes)
  return [{ kind: 'binary', text, bytes: bytes.length }, undefined]
}

function address(server: string, path: string): string {
  return `/servers/${server}/files/content?path=${encodeURIComponent(path)}`
}

async function read(server: string, path: string): Promise<Partial<Document>> {
  try {
    const response = await raw(address(server, path))
    const [content, saved] = contentOf(path, new Uint8Array(await response.arrayBuffer()))
    return { content, saved, etag: response.headers.get('etag') ?? undefined }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    // A name that was asked for as a new file.
    if (error.status === 404 && error.code === 'file_not_found')
      return { content: { kind: 'text', breaks: '\n' }, saved: undefined, etag: undefined }
    if (error.code === 'file_too_large') return { content: { kind: 'large' } }
    throw error
  }
}

async function load(server: string, path: string): Promise<void> {
  try {
    const { revision = 0 } = find(server, path) ?? {}
    const loaded = await read(server, path)
    change(server, path, {
      ...loaded,
      error: undefined,
      draft: undefined,
      dirty: false,
      clash: undefined,
      revision: revision + 1,
    })
  } catch (error) {
    change(server, path, { error })
  }
}

async function theirs(server: string, path: string): Promise<Theirs> {
  const { content, saved, etag } = await read(server, path)
  // What is no text can't be laid beside ours; it can still be written over, or taken.
  return { text: content?.kind === 'text' ? saved : '', etag }
}

async function put(open: Document, text: string): Promise<'saved' | 'clash'> {
  const { server, path } = open
  const match: Record<string, string> = open.etag ? { 'if-match': open.etag } : { 'if-none-match': '*' }
  try {
    const response = await raw(address(server, path), {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', ...match },
      body: text,
    })
    const { etag } = (await response.json()) as { etag: string }
    const now = find(server, path)
    // Somebody types on while it is saved.
    const dirty = now?.draft !== undefined && now.draft.text() !== text
    change(server, path, { saved: text, etag: `"${etag.replaceAll('"', '')}"`, dirty, clash: undefined })
    return 'saved'
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'changed_meanwhile') throw error
    change(server, path, { clash: await theirs(server, path) })
    return 'clash'
  }
}

export const files = {
  /** Opens a file beside those that are open, or does nothing if it is. */
  open(server: string, path: string): void {
    if (find(server, path)) return
    const blank = {
      content: undefined,
      error: undefined,
      saved: undefined,
      etag: undefined,
      draft: undefined,
    }
    const fresh = { ...blank, dirty: false, saving: false, clash: undefined, revision: 0 }
    emit([...documents, { server, path, ...fresh }])
    void load(server, path)
  },
  reload(server: string, path: string): Promise<void> {
    change(server, path, { content: undefined, error: undefined })
    return load(server, path)
  },
  close(server: string, path: string): void {
    emit(documents.filter((each) => each.server !== server || each.path !== path))
  },
  /** Drops what is not saved, of one server. */
  discard(server: string): void {
    emit(documents.filter((each) => each.server !== server || !each.dirty))
  },
  edited(server: string, path: string, draft: Draft, dirty: boolean): void {
    change(server, path, { draft, dirty })
  },
  /** Follows a file, or a folder with what is open of it, to its new name. */
  moved(server: string, from: string, to: string): void {
    emit(
      documents.map((each) => {
        const inside = each.path === from || each.path.startsWith(`${from}/`)
        return each.server === server && inside ? { ...each, path: to + each.path.slice(from.length) } : each
      }),
    )
  },
  /** Forgets what was deleted, unless something in it is not saved. */
  gone(server: string, paths: readonly string[]): void {
    const within = (path: string) => paths.some((each) => path === each || path.startsWith(`${each}/`))
    emit(documents.filter((each) => each.server !== server || each.dirty || !within(each.path)))
  },
  /** Saves unless somebody else has written meanwhile; then both texts are in `clash`. */
  async save(server: string, path: string): Promise<'saved' | 'clash' | 'nothing'> {
    const open = find(server, path)
    if (!open || open.saving || open.content?.kind !== 'text') return 'nothing'
    const text = open.draft?.text() ?? open.saved ?? ''
    change(server, path, { saving: true })
    try {
      return await put(open, text)
    } finally {
      change(server, path, { saving: false })
    }
  },
  /** Mine over theirs as it was shown: whoever writes once more meanwhile is told apart again. */
  async keepMine(server: string, path: string, text?: string): Promise<'saved' | 'clash' | 'nothing'> {
    const open = find(server, path)
    if (!open?.clash) return 'nothing'
    const mine = text ?? open.draft?.text() ?? ''
    change(server, path, { saving: true, etag: open.clash.etag })
    try {
      const result = await put({ ...open, etag: open.clash.etag }, mine)
      // A merged text is another one than the editor has.
      if (result === 'saved' && text !== undefined)
        change(server, path, { draft: undefined, dirty: false, revision: open.revision + 1 })
      return result
    } finally {
      change(server, path, { saving: false })
    }
  },
  takeTheirs(server: string, path: string): Promise<void> {
    return load(server, path)
  },
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function openDocuments(): readonly Document[] {
  return documents
}

export function useDocuments(server: string): readonly Document[] {
  const open = useSyncExternalStore(subscribe, openDocuments)
  return open.filter((each) => each.server === server)
}
