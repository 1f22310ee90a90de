import { useSyncExternalStore } from 'react'
import { Problem } from '~/api/problem'
import { ulid } from '~/live/ulid'
import { noteUploading } from '~/stores/uploading'
import { Broken, begin, dropTicket, giveUp, offsetOf, send, type Target } from './wire'

export type UploadState = 'waiting' | 'sending' | 'broken' | 'paused' | 'conflict' | 'failed' | 'done'

export interface Upload {
  id: string
  target: Target
  name: string
  state: UploadState
  /** Bytes that are away, of the file's. */
  sent: number
  /** Bytes a second, of late; 0 while nothing is known. */
  rate: number
  error?: Error | undefined
}

/** A file and where in the folder it belongs: `mods/a.jar` of a dropped folder. */
export interface Picked {
  file: File
  path: string
}

/** What to do with files that are there already, once somebody has said so for all. */
export type Decision = 'overwrite' | 'skip' | 'both'

interface Item extends Upload {
  file: File
  upload: string
  stop: AbortController
  marks: Array<{ at: number; sent: number }>
  /** Something of it may be on the node. */
  begun: boolean
  tries: number
}

/** A browser has six lines to one address, and the panel's own requests need some. */
const AT_ONCE = 3
/** Up to here a file is sent with the first request. */
const SMALL = 256 * 1024
/** Over so long a rate is told. */
const RATE_MS = 5000
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15_000, 30_000]

let items: Item[] = []
let shown: readonly Upload[] = []
let decision: Decision | undefined
const listeners = new Set<() => void>()
const landed = new Set<(server: string, path: string) => void>()

function tell(): void {
  shown = items.map(
    ({ file: _file, upload: _upload, stop: _stop, marks: _marks, begun: _begun, tries: _tries, ...rest }) =>
      rest,
  )
  for (const listener of listeners) listener()
}

function change(item: Item, to: Partial<Item>): void {
  Object.assign(item, to)
  tell()
}

/** `name (2).txt` beside `name.txt`. */
export function another(path: string, n: number): string {
  const slash = path.lastIndexOf('/')
  const dot = path.lastIndexOf('.')
  const at = dot > slash + 1 ? dot : path.length
  return `${path.slice(0, at)} (${n})${path.slice(at)}`
}

function noteSent(item: Item, sent: number): void {
  const now = performance.now()
  item.marks = [...item.marks.filter(({ at }) => now - at < RATE_MS), { at: now, sent }]
  const first = item.marks[0]
  const span = first ? now - first.at : 0
  const rate = first && span > 500 ? ((sent - first.sent) / span) * 1000 : item.rate
  change(item, { sent, rate: Math.max(0, rate) })
}

/** Whether it may go better later without anybody doing something. */
function passes(error: unknown): boolean {
  if (error instanceof Broken || error instanceof TypeError) return true
  return error instanceof Problem && (error.status >= 500 || error.status === 429 || error.status === 408)
}

function next(): void {
  const going = items.filter(({ state }) => state === 'sending').length
  for (const item of items.filter(({ state }) => state === 'waiting').slice(0, AT_ONCE - going))
    void run(item)
}

async function run(item: Item): Promise<void> {
  item.stop = new AbortController()
  const { signal } = item.stop
  change(item, { state: 'sending', error: undefined, marks: [], rate: 0 })
  try {
    const offset = item.begun ? await offsetOf(item.target, item.upload, signal) : 0
    if (!item.begun && item.target.size > SMALL) item.upload = await begin(item.target, signal)
    item.begun = true
    change(item, { sent: offset })
    await send(item.target, item.upload, item.file, offset, {
      signal,
      onSent: (sent) => noteSent(item, sent),
    })
    change(item, { state: 'done', sent: item.target.size, rate: 0 })
    for (const listener of landed) listener(item.target.server, item.target.path)
  } catch (error) {
    if (!signal.aborted) fell(item, error)
  }
  next()
}

function fell(item: Item, error: unknown): void {
  if (error instanceof Problem && error.code === 'file_exists') return exists(item)
  if (error instanceof Problem && error.status === 401) dropTicket(item.target.server)
  item.tries += 1
  const offsetMoved = error instanceof Problem && error.code === 'offset_differs'
  const again =
    passes(error) || offsetMoved || (error instanceof Problem && error.status === 401 && item.tries < 3)
  if (!again) return change(item, { state: 'failed', rate: 0, error: error as Error })
  change(item, { state: 'broken', rate: 0, error: error as Error })
  const pause = offsetMoved ? 0 : (PAUSES_MS[Math.min(item.tries, PAUSES_MS.length) - 1] ?? 30_000)
  const back = () => {
    clearTimeout(timer)
    removeEventListener('online', back)
    if (item.state !== 'broken') return
    change(item, { state: 'waiting' })
    next()
  }
  const timer = setTimeout(back, pause)
  addEventListener('online', back)
}

function exists(item: Item): void {
  if (decision) return decide(item, decision)
  change(item, { state: 'conflict', sent: 0, rate: 0 })
}

function decide(item: Item, how: Decision): void {
  if (how === 'skip') {
    items = items.filter((other) => other !== item)
    return tell()
  }
  const { target } = item
  const fresh =
    how === 'overwrite'
      ? { ...target, overwrite: true }
      : { ...target, path: another(target.path, copies(item)) }
  const name = fresh.path.split('/').at(-1) ?? item.name
  change(item, { target: fresh, name, upload: ulid(), begun: false, sent: 0, tries: 0, state: 'waiting' })
}

function copies(item: Item): number {
  const found = / \((\d+)\)(\.[^./]*)?$/.exec(item.target.path)
  return found ? Number(found[1]) + 1 : 2
}

function find(id: string): Item | undefined {
  return items.find((item) => item.id === id)
}

export const uploads = {
  /** Puts files at the end of the queue. */
  add(server: string, folder: string, picked: readonly Picked[]): void {
    if (!items.some(({ state }) => state !== 'done')) decision = undefined
    const base = folder.replace(/^\/+|\/+$/g, '')
    const added = picked.map(({ file, path }): Item => {
      const whole = base ? `${base}/${path}` : path
      return {
        id: ulid(),
        upload: ulid(),
        name: path,
        file,
        target: { server, path: whole, size: file.size, overwrite: false, modified: file.lastModified },
        state: 'waiting',
        sent: 0,
        rate: 0,
        stop: new AbortController(),
        marks: [],
        begun: false,
        tries: 0,
      }
    })
    items = [...items, ...added]
    noteUploading()
    tell()
    next()
  },
  pause(id: string): void {
    const item = find(id)
    if (!item || !['sending', 'waiting', 'broken'].includes(item.state)) return
    change(item, { state: 'paused', rate: 0 })
    item.stop.abort()
    next()
  },
  /** Goes on after a pause, and tries again what has failed. */
  resume(id: string): void {
    const item = find(id)
    if (!item || !['paused', 'failed', 'broken'].includes(item.state)) return
    change(item, { state: 'waiting', error: undefined })
    next()
  },
  /** Takes it out; what has come of it is thrown away. */
  cancel(id: string): void {
    const item = find(id)
    if (!item) return
    const begun = item.begun && item.state !== 'done'
    items = items.filter((other) => other !== item)
    item.stop.abort()
    // Swept after a day if this does not arrive.
    if (begun) void giveUp(item.target, item.upload).catch(() => undefined)
    tell()
    next()
  },
  /** Answers for a file that is there already, or for all of them. */
  decide(id: string, how: Decision, forAll: boolean): void {
    if (forAll) decision = how
    for (const item of items.filter((one) => one.state === 'conflict' && (forAll || one.id === id)))
      decide(item, how)
    next()
  },
  /** Takes out what is done. */
  clear(): void {
    items = items.filter(({ state }) => state !== 'done')
    tell()
  },
  /** Called for each file that is in its place. */
  onLanded(listener: (server: string, path: string) => void): () => void {
    landed.add(listener)
    return () => landed.delete(listener)
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
  all: (): readonly Upload[] => shown,
}

export function isGoing({ state }: Upload): boolean {
  return state !== 'done' && state !== 'failed'
}

/** What leaves the page before it is up is not lost, but has to be picked again. */
addEventListener('beforeunload', (event) => {
  if (items.some((item) => isGoing(item) && item.state !== 'paused')) event.preventDefault()
})

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(uploads.subscribe, uploads.all)
}
