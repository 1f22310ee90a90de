import type { Session } from '~/api/types'
import { problem, type Route, scenario } from './answers'
import { ago } from './data'

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
let on = false
let since = ago(0)
let left = 0

/** `?mock=wanted`: the panel wants a second step; `?mock=waits`: a role does; `?mock=few`: it is on, and codes run out. */
export function startSecondFactor(): void {
  if (scenario() !== 'few') return
  on = true
  since = ago(86_400 * 41)
  left = 2
}

export const secondFactorOn = () => on

export function wantedBy(): Session['second_factor_wanted_by'] {
  if (on) return null
  return scenario() === 'wanted' ? 'panel' : scenario() === 'waits' ? 'role' : null
}

function codes(): string[] {
  left = 10
  return Array.from({ length: 10 }, (_, n) => `kf7m-${n}wq2-p9xh-c4t${n}`)
}

const wrong = (field: string, message: string) =>
  problem(422, 'invalid', 'One field is wrong.', [{ field, code: 'wrong', message }])

export const tooMany = () =>
  problem(429, 'too_many_attempts', 'too many wrong passwords; wait a little', undefined, {
    'retry-after': '840',
  })

/** The password `wrong` and the code 000000 are refused; 999999 was one too many. */
export function refused({ current_password, code }: { current_password?: string; code?: string }) {
  if (current_password === 'wrong') return wrong('current_password', 'is not the password')
  if (code === '000000') return wrong('code', 'is not the code of this moment; each is good once')
  return code === '999999' ? tooMany() : undefined
}

export const secondFactorRoutes: Route[] = [
  [
    'GET',
    /^\/account\/second-factor$/,
    () => ({ on, since: on ? since : null, recovery_codes: left, wanted_by: wantedBy() }),
  ],
  [
    'POST',
    /^\/account\/second-factor$/,
    (_m, body) =>
      refused(body as object) ?? {
        uri: `otpauth://totp/Warren:mira?secret=${SECRET}&issuer=Warren`,
        secret: SECRET,
      },
  ],
  [
    'PUT',
    /^\/account\/second-factor$/,
    (_m, body) => {
      const bad = refused(body as object)
      if (bad) return bad
      on = true
      since = ago(0)
      return { codes: codes() }
    },
  ],
  [
    'POST',
    /^\/account\/second-factor\/recovery-codes$/,
    (_m, body) => refused(body as object) ?? { codes: codes() },
  ],
  [
    'POST',
    /^\/account\/second-factor\/off$/,
    (_m, body) => {
      const bad = refused(body as object)
      if (bad) return bad
      on = false
      left = 0
    },
  ],
]
