import createClient from 'openapi-fetch'
import { currentView } from '~/stores/view-as'
import { Problem, problemOf } from './problem'
import type { paths } from './schema'

/** The generated paths without the prefix that every one of them has. */
type Paths = { [P in keyof paths as P extends `/api/v1${infer Rest}` ? Rest : never]: paths[P] }

export const BASE = '/api/v1'

/** Called when the session has ended elsewhere; the app sends the reader to sign in. */
let signedOut: (() => void) | undefined
export function onSignedOut(act: () => void): void {
  signedOut = act
}

/** Called when the panel wants a second step at log-in before anything else works. */
let secondStepWanted: (() => void) | undefined
export function onSecondStepWanted(act: () => void): void {
  secondStepWanted = act
}

/** Called with the panel's words when the account was suspended under an open page. */
let suspended: ((said: string) => void) | undefined
export function onSuspended(act: (said: string) => void): void {
  suspended = act
}

/** Refusals of the log-in itself: no session has ended with them. */
const AT_THE_DOOR = ['bad_credentials', 'second_factor_needed', 'bad_code', 'bad_passkey']

export const api = createClient<Paths>({
  baseUrl: BASE,
  credentials: 'same-origin',
  // Looked up at each call, so that the development mock can stand in for the network.
  fetch: (request) => globalThis.fetch(request),
})

// An admin looks as somebody else: each reading says so, and what would change something is refused by the panel. The
// session is the admin's own, and so is word of what happens.
const OWN = ['DELETE /session', 'POST /tickets/mine', 'POST /view-as']
api.use({
  onRequest({ request, schemaPath }) {
    const view = currentView()
    if (view && !OWN.includes(`${request.method} ${schemaPath}`))
      request.headers.set('x-view-as', view.header)
    return request
  },
})

function noteSession({ status, code, message }: Problem): void {
  if (status === 401 && !AT_THE_DOOR.includes(code)) signedOut?.()
  if (status === 403 && code === 'second_factor_required') secondStepWanted?.()
  if (status === 403 && code === 'account_suspended') suspended?.(message)
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The body of a success, or a thrown `Problem`. */
export async function must<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call
  if (!response.ok) {
    const problem = problemOf(response, error)
    noteSession(problem)
    throw problem
  }
  return data as T
}

/** A request outside the typed client: file bytes, plain text, forms. Throws a `Problem` like `must`. */
export async function raw(path: string, init: RequestInit = {}): Promise<Response> {
  const view = currentView()
  const headers = new Headers(init.headers)
  if (view) headers.set('x-view-as', view.header)
  const response = await globalThis.fetch(`${BASE}${path}`, { credentials: 'same-origin', ...init, headers })
  if (response.ok) return response
  let body: unknown
  try {
    body = await response.json()
  } catch {
    body = undefined
  }
  const problem = problemOf(response, body)
  noteSession(problem)
  throw problem
}

export function isProblem(error: unknown, code: string): boolean {
  return error instanceof Problem && error.code === code
}
