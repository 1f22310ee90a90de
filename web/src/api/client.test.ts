import { afterEach, expect, it, vi } from 'vitest'
import { api, must, onSecondStepWanted, onSignedOut, onSuspended, raw } from './client'
import { asProblem, attemptsText } from './problem'

const signedOut = vi.fn()
const wanted = vi.fn()
const suspended = vi.fn()
onSignedOut(signedOut)
onSecondStepWanted(wanted)
onSuspended(suspended)

async function refused(status: number, code: string, headers: Record<string, string> = {}) {
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ code }), { status, headers }))
  return must(api.GET('/session')).then(
    () => undefined,
    (error: unknown) => asProblem(error),
  )
}

afterEach(() => {
  vi.unstubAllGlobals()
  vi.clearAllMocks()
})

it('what is refused at the door ends no session', async () => {
  for (const code of ['bad_credentials', 'second_factor_needed', 'bad_code']) {
    expect((await refused(401, code))?.code).toBe(code)
  }
  expect(signedOut).not.toHaveBeenCalled()
  await refused(401, 'unauthenticated')
  expect(signedOut).toHaveBeenCalledOnce()
})

it('a panel that wants a second step before all else is heard, another refusal is not taken for it', async () => {
  await refused(403, 'forbidden')
  expect(wanted).not.toHaveBeenCalled()
  await refused(403, 'second_factor_required')
  expect(wanted).toHaveBeenCalledOnce()
})

it('an account that was suspended under an open page is heard with the panel’s words', async () => {
  await refused(403, 'forbidden')
  expect(suspended).not.toHaveBeenCalled()
  const detail = 'this account is suspended: unpaid'
  const answer = () => new Response(JSON.stringify({ code: 'account_suspended', detail }), { status: 403 })
  vi.stubGlobal('fetch', async () => answer())
  await expect(must(api.GET('/session'))).rejects.toThrow('suspended')
  await expect(raw('/servers/s1/files/content')).rejects.toThrow('suspended')
  expect(suspended.mock.calls).toEqual([
    ['This account is suspended: unpaid'],
    ['This account is suspended: unpaid'],
  ])
  expect(signedOut).not.toHaveBeenCalled()
})

it('after too many attempts the time to wait is said', async () => {
  const after = async (headers: Record<string, string>) => {
    const problem = await refused(429, 'too_many_attempts', headers)
    return problem && attemptsText(problem)
  }
  expect(await after({ 'retry-after': '840' })).toBe('Too many attempts. Try again in 14 min.')
  expect(await after({ 'retry-after': '9' })).toBe('Too many attempts. Try again in 9 s.')
  expect(await after({})).toBe('Too many attempts. Try again later.')
})
