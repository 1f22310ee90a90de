import { api, must } from '~/api/client'
import { type Problem, problemOf } from '~/api/problem'

/** A ticket that ends sooner than this is not begun with. */
const SPARE_MS = 60_000
const tickets = new Map<string, Promise<{ ticket: string; expires_at: string }>>()

/** What opens a server's files at a gateway for some minutes; asked for when there is none or it ends soon. */
export async function ticketOf(server: string): Promise<string> {
  const known = await tickets.get(server)?.catch(() => undefined)
  if (known && Date.parse(known.expires_at) - Date.now() > SPARE_MS) return known.ticket
  const asked = must(api.POST('/servers/{server}/ticket', { params: { path: { server } } }))
  tickets.set(server, asked)
  const fresh = await asked
  inHand.set(server, fresh)
  return fresh.ticket
}

const inHand = new Map<string, { ticket: string; expires_at: string }>()

/** The ticket that is there already, for what can't wait for one. */
export function ticketInHand(server: string): string | undefined {
  const held = inHand.get(server)
  return held && Date.parse(held.expires_at) - Date.now() > SPARE_MS ? held.ticket : undefined
}

/** Rights may have changed: the next one is asked for anew. */
export function dropTicket(server: string): void {
  tickets.delete(server)
  inHand.delete(server)
}

export function address(server: string, rest: string, query: Record<string, string | string[]>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const one of [value].flat()) search.append(name, one)
  return `/transfer/${server}/${rest}?${search}`
}

export interface Target {
  server: string
  /** Below the server's root. */
  path: string
  size: number
  overwrite: boolean
  modified: number
}

function query({ path, size, overwrite, modified }: Target): Record<string, string> {
  return {
    path,
    size: String(size),
    modified: String(modified),
    ...(overwrite ? { overwrite: '1' } : {}),
  }
}

function uploadAddress(target: Target, upload: string): string {
  return address(target.server, `uploads/${upload}`, query(target))
}

async function refused(response: Response): Promise<Problem> {
  return problemOf(response, await response.json().catch(() => undefined))
}

/**
 * Begins an upload without a byte of it, and gives its id. What is refused is refused here: to a refusal in the middle
 * of a large body browsers say no more than that the line broke.
 */
export async function begin(target: Target, signal: AbortSignal): Promise<string> {
  const headers = {
    'x-warren-ticket': await ticketOf(target.server),
    'upload-length': String(target.size),
  }
  const at = address(target.server, 'uploads', query(target))
  const response = await fetch(at, { method: 'POST', headers, signal })
  if (!response.ok) throw await refused(response)
  const id = /\/uploads\/([0-9a-z]+)/.exec(response.headers.get('location') ?? '')?.[1]
  if (!id) throw await refused(response)
  return id
}

/** How much of an upload is on the node's disk; nothing when none of it is. */
export async function offsetOf(target: Target, upload: string, signal: AbortSignal): Promise<number> {
  const headers = { 'x-warren-ticket': await ticketOf(target.server) }
  const response = await fetch(uploadAddress(target, upload), { method: 'HEAD', headers, signal })
  if (response.status === 404) return 0
  if (!response.ok) throw problemOf(response, undefined)
  return Number(response.headers.get('upload-offset') ?? 0)
}

/** Throws away what has come of an upload. */
export async function giveUp(target: Target, upload: string): Promise<void> {
  const headers = { 'x-warren-ticket': await ticketOf(target.server) }
  await fetch(uploadAddress(target, upload), { method: 'DELETE', headers })
}

/** The line broke, or the browser has none. */
export class Broken extends Error {}

interface Going {
  signal: AbortSignal
  /** Bytes that have left the browser, of the whole file. */
  onSent(bytes: number): void
}

/** Sends the file from `offset` on. `fetch` says nothing of how far a body has come, hence the older way. */
export async function send(
  target: Target,
  upload: string,
  file: Blob,
  offset: number,
  { signal, onSent }: Going,
): Promise<void> {
  const ticket = await ticketOf(target.server)
  await new Promise<void>((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('PATCH', uploadAddress(target, upload))
    request.setRequestHeader('x-warren-ticket', ticket)
    request.setRequestHeader('upload-offset', String(offset))
    request.setRequestHeader('content-type', 'application/offset+octet-stream')
    request.upload.onprogress = (event) => onSent(offset + event.loaded)
    request.onerror = () => reject(new Broken())
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'))
    request.onload = () => (request.status < 300 ? resolve() : reject(problem(request)))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    if (signal.aborted) return reject(new DOMException('aborted', 'AbortError'))
    request.send(offset > 0 ? file.slice(offset) : file)
  })
}

function problem(request: XMLHttpRequest): Problem {
  let body: unknown
  try {
    body = JSON.parse(request.responseText)
  } catch {
    body = undefined
  }
  const response = new Response(null, { status: request.status, statusText: request.statusText })
  return problemOf(response, body)
}
