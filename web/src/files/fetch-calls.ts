import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'

/** Whether this could be an address of a file; the node says whether it may be called. */
export function isAddress(text: string): boolean {
  if (!/^https?:\/\/[^\s/@]/i.test(text) || !URL.canParse(text)) return false
  const url = new URL(text)
  return url.username === '' && url.password === ''
}

/** The name that an address ends with, for the field that it may stay empty. */
export function nameIn(text: string): string {
  if (!isAddress(text)) return ''
  const last = new URL(text).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}

export async function fetchFile(
  server: string,
  url: string,
  path: string,
  name: string,
  replace: boolean,
): Promise<void> {
  await must(
    api.POST('/servers/{server}/files/download', {
      params: { path: { server } },
      body: { url, path, replace, ...(name ? { name } : {}) },
    }),
  )
  await queryClient.invalidateQueries({ queryKey: keys.operations })
}
