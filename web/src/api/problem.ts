import { extra, language, texts } from '~/i18n/texts'
import { ahead, sentence } from '~/util/format'

const t = texts('common')
const words = extra('problems')

/** What control says went wrong (RFC 9457 with our members), or what we can say when it did not answer. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly requestId: string | undefined
  readonly fields: Record<string, string>
  /** Of the same fields, the stable words for what is wrong with them. */
  readonly fieldCodes: Record<string, string>
  /** Seconds until it makes sense to try again, from Retry-After. */
  readonly retryAfterS: number | undefined

  constructor(init: {
    status: number
    code: string
    title: string
    detail: string
    requestId?: string | undefined
    fields?: Record<string, string>
    fieldCodes?: Record<string, string>
    retryAfterS?: number | undefined
  }) {
    super(init.detail)
    this.name = 'Problem'
    this.status = init.status
    this.code = init.code
    this.title = init.title
    this.requestId = init.requestId
    this.fields = init.fields ?? {}
    this.fieldCodes = init.fieldCodes ?? {}
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

function fieldsOf(errors: unknown): { fields: Record<string, string>; fieldCodes: Record<string, string> } {
  const fields: Record<string, string> = {}
  const fieldCodes: Record<string, string> = {}
  if (!Array.isArray(errors)) return { fields, fieldCodes }
  for (const entry of errors as Array<{ field?: unknown; code?: unknown; message?: unknown }>) {
    const field = text(entry?.field)
    const code = text(entry?.code)
    const message = text(entry?.message)
    if (!field || !message || field in fields) continue
    fields[field] = (code && words.maybe(`field.${code}`)) || sentence(message)
    if (code) fieldCodes[field] = code
  }
  return { fields, fieldCodes }
}

/** Our words for a code of the panel, in other languages than its own; they come once the first page is drawn. */
export function extraWords(code: string): string | undefined {
  return words.maybe(code)
}

/**
 * Title and detail. The panel speaks English: in another language our words for the code stand for its own, where
 * there are any. Of refused fields each is told by itself.
 */
function told(wire: Wire, response: Response, code: string, fields: string[]) {
  const ours = words.maybe(code) ?? (code === 'invalid' && language() !== 'en' ? fields.join(' ') : undefined)
  if (ours) return { title: t('problem.no_words'), detail: ours }
  return {
    title: text(wire.title) ?? (response.statusText || t('problem.no_words')),
    detail: sentence(text(wire.detail) ?? '') || t('problem.no_detail', { status: response.status }),
  }
}

/** Reads an answer that is not a success. Never throws: a proxy's HTML page becomes a problem too. */
export function problemOf(response: Response, body: unknown): Problem {
  const wire: Wire = typeof body === 'object' && body !== null ? (body as Wire) : {}
  const retry = Number(response.headers.get('retry-after'))
  const code = text(wire.code) ?? `http_${response.status}`
  const { fields, fieldCodes } = fieldsOf(wire.errors)
  return new Problem({
    status: response.status,
    code,
    ...told(wire, response, code, Object.values(fields)),
    requestId: text(wire.request_id) ?? response.headers.get('x-request-id') ?? undefined,
    fields,
    fieldCodes,
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
      title: t('problem.unreachable'),
      detail: t('problem.unreachable_detail'),
    })
  }
  return new Problem({
    status: 0,
    code: 'client',
    title: t('problem.page'),
    detail: error instanceof Error ? error.message : String(error),
  })
}

const TOO_MANY = ['too_many_attempts', 'too_many_requests']

/** What to say of too many wrong passwords or codes, or of requests for links: how long to wait. */
export function attemptsText({ code, retryAfterS }: Problem): string | undefined {
  if (!TOO_MANY.includes(code)) return undefined
  return retryAfterS
    ? t('problem.attempts_in', { when: ahead(retryAfterS * 1000) })
    : t('problem.attempts_later')
}
