import { problem, type Route, scenario } from './answers'
import { tooMany } from './second-factor'

/** `?mock=nomail`: the panel has no server to send by. */
export const mailOff = () =>
  scenario() === 'nomail'
    ? problem(
        409,
        'mail_off',
        'this panel sends no mail: set `mail.url` and `mail.from` in control’s configuration',
      )
    : undefined

const wrong = (field: string, code: string, message: string) =>
  problem(422, 'invalid', 'one field is wrong', [{ field, code, message }])

/** The name `often` has asked too much; the token `old` is good no longer, the password `0123456789` too common. */
export const passwordLinkRoutes: Route[] = [
  [
    'POST',
    /^\/password-links$/,
    (_m, body) => {
      const { login } = body as { login: string }
      return mailOff() ?? (login === 'often' ? tooMany() : new Response(null, { status: 202 }))
    },
  ],
  [
    'PUT',
    /^\/password-links$/,
    (_m, body) => {
      const { token, new_password } = body as { token: string; new_password: string }
      if (token === 'old')
        return wrong(
          'token',
          'unknown',
          'this link was used, is too old or was cut while copying; ask for another one',
        )
      return new_password === '0123456789'
        ? wrong('new_password', 'common', 'is among the most common passwords')
        : undefined
    },
  ],
]
