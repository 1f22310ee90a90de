import type { Passkey } from '~/api/types'
import { page, problem, type Route, scenario } from './answers'
import { ago, id } from './data'
import { refused } from './second-factor'

let made = 0
let rows: Passkey[] = [
  {
    id: id(1503),
    name: 'YubiKey on the key ring',
    host: location.hostname,
    created_at: ago(86_400 * 3),
    last_used_at: null,
    synced: false,
  },
  {
    id: id(1502),
    name: 'Mira’s phone',
    host: location.hostname,
    created_at: ago(86_400 * 12),
    last_used_at: ago(7200),
    synced: true,
  },
  {
    id: id(1501),
    name: 'Chrome on Windows',
    host: 'panel.old-guild.example.net',
    created_at: ago(86_400 * 90),
    last_used_at: ago(86_400 * 40),
    synced: true,
  },
]

const bytes = (length: number) =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(length))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const needsName = () =>
  problem(409, 'passkey_needs_name', 'a passkey belongs to a name; open the panel by its name')

/** `?mock=empty`: none yet; `?mock=no-name`: opened by an address; `?mock=bad-passkey`, `?mock=unpaid`: refused. */
export function passkeyRoutes(signIn: () => unknown): Route[] {
  return [
    ['GET', /^\/account\/passkeys$/, () => page(scenario() === 'empty' && made === 0 ? [] : rows)],
    [
      'POST',
      /^\/account\/passkeys\/offer$/,
      (_m, body) => {
        const bad = refused(body as object)
        if (bad) return bad
        if (scenario() === 'no-name') return needsName()
        return {
          state: bytes(32),
          options: {
            rp: { id: location.hostname, name: 'Warren' },
            user: { id: bytes(16), name: 'mira', displayName: 'mira' },
            challenge: bytes(32),
            pubKeyCredParams: [
              { type: 'public-key', alg: -7 },
              { type: 'public-key', alg: -257 },
            ],
            timeout: 300_000,
            excludeCredentials: [],
            authenticatorSelection: {
              residentKey: 'required',
              requireResidentKey: true,
              userVerification: 'required',
            },
          },
        }
      },
    ],
    [
      'POST',
      /^\/account\/passkeys$/,
      (_m, body) => {
        const { name } = body as { name: string }
        if (name === 'taken') return problem(409, 'passkey_exists', 'this passkey is there already')
        made += 1
        const row: Passkey = {
          id: id(1510 + made),
          name,
          host: location.hostname,
          created_at: ago(0),
          last_used_at: null,
          synced: true,
        }
        rows = scenario() === 'empty' && made === 1 ? [row] : [row, ...rows]
        return row
      },
    ],
    [
      'PATCH',
      /^\/account\/passkeys\/([^/]+)$/,
      (m, body) => {
        rows = rows.map((row) => (row.id === m[1] ? { ...row, ...(body as { name: string }) } : row))
        return rows.find((row) => row.id === m[1])
      },
    ],
    [
      'DELETE',
      /^\/account\/passkeys\/([^/]+)$/,
      (m) => {
        rows = rows.filter((row) => row.id !== m[1])
      },
    ],
    [
      'POST',
      /^\/session\/passkey\/offer$/,
      () =>
        scenario() === 'no-name'
          ? needsName()
          : {
              state: bytes(32),
              options: {
                challenge: bytes(32),
                rpId: location.hostname,
                timeout: 300_000,
                allowCredentials: [],
                userVerification: 'required',
              },
            },
    ],
    [
      'POST',
      /^\/session\/passkey$/,
      () => {
        if (scenario() === 'bad-passkey') return problem(401, 'bad_passkey', 'this passkey is not known')
        if (scenario() === 'unpaid')
          return problem(403, 'account_suspended', 'this account is suspended: Unpaid since October')
        return signIn()
      },
    ],
  ]
}
