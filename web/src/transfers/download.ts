import { problemOf } from '~/api/problem'
import { address, dropTicket, ticketOf } from './wire'

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
