export type Handler = (match: RegExpMatchArray, body: unknown, url: URL, request: Request) => unknown
export type Route = [method: string, pattern: RegExp, handler: Handler]

export const page = (items: unknown[]) => ({ items, next: null })
export const text = (body: string) => new Response(body, { headers: { 'content-type': 'text/plain' } })

/** Which state of the panel the address asks for: `?mock=empty`. */
export function scenario(): string {
  if (location.search.includes('mock=')) sessionStorage.setItem('warren.mock', location.search)
  return new URLSearchParams(sessionStorage.getItem('warren.mock') ?? '').get('mock') ?? ''
}

/** Somebody with whom servers are shared (`?mock=member`), or not one yet (`?mock=guest`); else an admin. */
export function member(): boolean {
  return ['member', 'guest'].includes(scenario())
}

export function problem(
  status: number,
  code: string,
  detail: string,
  errors?: unknown,
  more: Record<string, string> = {},
) {
  return new Response(
    JSON.stringify({
      type: 'about:blank',
      title: 'Refused',
      status,
      code,
      detail,
      request_id: '01KAH7Q3ZD',
      errors,
    }),
    {
      status,
      headers: { 'content-type': 'application/problem+json', ...more },
    },
  )
}
