import { duration, sentence } from '~/util/format'

/** What control says went wrong (RFC 9457 with our members), or what we can say when it did not answer. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly requestId: string | undefined
  readonly fields: Record<string, string>
  /** Seconds until it makes sense to try again, from Retry-After. */
  readonly retryAfterS: number | undefined

  constructor(init: {
    status: number
    code: string
    title: string
    detail: string
    requestId?: string | undefined
    fields?: Record<string, string>
    retryAfterS?: number | undefined
  }) {
    super(init.detail)
    this.name = 'Problem'
    this.status = init.status
    this.code = init.code
    this.title = init.title
    this.requestId = init.requestId
    this.fields = init.fields ?? {}
    this.retryAfterS = init.retryAfterS
  }
}

interface Wire {
  title?: unknown
  detail?: unknown
  code?: unknown
  request_id?: unknown
  errors?: unknown
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function fieldsOf(errors: unknown): Record<string, string> {
  const fields: Record<string, string> = {}
  if (!Array.isArray(errors)) return fields
  for (const entry of errors as Array<{ field?: unknown; message?: unknown }>) {
    const field = text(entry?.field)
    const message = text(entry?.message)
    if (field && message && !(field in fields)) fields[field] = sentence(message)
  }
  return fields
}

/** Reads an answer that is not a success. Never throws: a proxy's HTML page becomes a problem too. */
export function problemOf(response: Response, body: unknown): Problem {
  const wire: Wire = typeof body === 'object' && body !== null ? (body as Wire) : {}
  const retry = Number(response.headers.get('retry-after'))
  return new Problem({
    status: response.status,
    code: text(wire.code) ?? `http_${response.status}`,
    title: text(wire.title) ?? (response.statusText || 'The request failed'),
    detail: sentence(text(wire.detail) ?? '') || `The panel answered ${response.status} without saying why.`,
    requestId: text(wire.request_id) ?? response.headers.get('x-request-id') ?? undefined,
    fields: fieldsOf(wire.errors),
    retryAfterS: Number.isFinite(retry) && retry > 0 ? retry : undefined,
  })
}

/** Anything thrown, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof TypeError) {
    return new Problem({
      status: 0,
      code: 'unreachable',
      title: 'The panel did not answer',
      detail: 'No connection to the panel. Your games go on; try again in a moment.',
    })
  }
  return new Problem({
    status: 0,
    code: 'client',
    title: 'This page failed',
    detail: error instanceof Error ? error.message : String(error),
  })
}

const TOO_MANY = ['too_many_attempts', 'too_many_requests']

/** What to say of too many wrong passwords or codes, or of requests for links: how long to wait. */
export function attemptsText({ code, retryAfterS }: Problem): string | undefined {
  if (!TOO_MANY.includes(code)) return undefined
  return `Too many attempts. Try again ${retryAfterS ? `in ${duration(retryAfterS * 1000)}` : 'later'}.`
}
