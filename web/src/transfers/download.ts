import { problemOf } from '~/api/problem'
import { nameOf, parent } from '~/util/path'
import { address, dropTicket, ticketInHand, ticketOf } from './wire'

/** Where the browser fetches a file by itself; good for a few minutes. */
export async function downloadUrl(server: string, path: string): Promise<string> {
  return address(server, 'file', { path, ticket: await ticketOf(server) })
}

/** The same for folders, or several things of one folder, packed on the way. */
export async function archiveUrl(
  server: string,
  folder: string,
  names: readonly string[] = [],
  format: 'zip' | 'tar' = 'zip',
): Promise<string> {
  const ticket = await ticketOf(server)
  return address(server, 'archive', { path: folder, format, name: [...names], ticket })
}

function fetchByItself(url: string): void {
  const link = document.createElement('a')
  link.href = url
  link.download = ''
  link.click()
}

/** Hands a file to the browser's own downloads. Throws a `Problem` if it can't be had. */
export async function download(server: string, path: string): Promise<void> {
  const headers = { 'x-warren-ticket': await ticketOf(server) }
  // Asked for first: what the browser fetches by itself says nothing when it fails.
  const there = await fetch(address(server, 'file', { path }), { method: 'HEAD', headers })
  if (!there.ok) {
    if (there.status === 401) dropTicket(server)
    throw problemOf(there, undefined)
  }
  fetchByItself(await downloadUrl(server, path))
}

/** Hands folders, or several things of one folder, to the browser's own downloads as one archive. */
export async function downloadArchive(
  server: string,
  folder: string,
  names: readonly string[] = [],
  format: 'zip' | 'tar' = 'zip',
): Promise<void> {
  fetchByItself(await archiveUrl(server, folder, names, format))
}

/** Something of a folder that is dragged. */
export interface Dragged {
  path: string
  /** Goes as it is; what is no file goes packed. */
  file: boolean
}

/** Sees to it that a drag that begins now can tell where its bytes are. */
export function readyToDrag(server: string): void {
  void ticketOf(server).catch(() => undefined)
}

/**
 * What a drag carries for the desk: "type:name:address", all of one folder. Nothing until there is a ticket, and only
 * for Chromium and its kin: those make a file of it, while others would hand the address, ticket and all, to whatever
 * page it is dropped on.
 */
export function dragUrl(server: string, dragged: readonly Dragged[]): string | undefined {
  const [first] = dragged
  const ticket = ticketInHand(server)
  if (!first || !ticket || !/Chrom(e|ium)\//.test(navigator.userAgent)) return undefined
  const whole = (at: string) => new URL(at, location.origin).href
  // A colon would end the name.
  const said = (name: string) => name.replaceAll(':', '_')
  if (dragged.length === 1 && first.file) {
    const at = whole(address(server, 'file', { path: first.path, ticket }))
    return `application/octet-stream:${said(nameOf(first.path))}:${at}`
  }
  const folder = parent(first.path)
  const name = dragged.map(({ path }) => nameOf(path))
  const called = dragged.length === 1 ? nameOf(first.path) : nameOf(folder) || 'files'
  const at = whole(address(server, 'archive', { path: folder, format: 'zip', name, ticket }))
  return `application/zip:${said(called)}.zip:${at}`
}
