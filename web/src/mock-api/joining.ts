import type { JoinToken } from '~/api/types'
import { page, type Route } from './answers'
import { ago, id, nodes } from './data'

let tokens: JoinToken[] = []
let made = 0

/** Somebody runs the command a few seconds later, on the machine that the token takes back. */
function runSoon(token: JoinToken): void {
  window.setTimeout(() => {
    const node = nodes.find((n) => n.id === token.node)
    if (!node || !tokens.includes(token)) return
    token.uses_left = 0
    token.used_by = [node.id]
    node.state = 'offline'
    window.setTimeout(() => {
      Object.assign(node, {
        state: 'online',
        rtt_ms: 24,
        pending_changes: 0,
        since: new Date().toISOString(),
      })
    }, 4000)
  }, 6000)
}

export const joinRoutes: Route[] = [
  ['GET', /^\/nodes\/tokens$/, () => page(tokens)],
  [
    'POST',
    /^\/nodes\/tokens$/,
    (_m, body) => {
      const { node = null } = body as { node?: string | null }
      made += 1
      const expires_at = new Date(Date.now() + 27 * 60_000).toISOString()
      const token: JoinToken = {
        id: id(800 + made),
        name: '',
        node,
        used_by: [],
        uses_left: 1,
        created_at: ago(0),
        expires_at,
      }
      tokens = [token, ...tokens]
      if (node) runSoon(token)
      return {
        id: token.id,
        token: 'wj1_7Qk2mVx9',
        command: 'warren-agent join wj1_7Qk2mVx9c0hEa81ccQwLr0ZpTn5uXy2Fh6k3aBT4pE',
        install_command:
          'curl -fsSL https://panel.example.net/install.sh | sh -s -- wj1_7Qk2mVx9c0hEa81ccQwLr0ZpTn5uXy2Fh6k3aBT4pE',
        expires_at,
      }
    },
  ],
  [
    'DELETE',
    /^\/nodes\/tokens\/([^/]+)$/,
    (m) => {
      tokens = tokens.filter((t) => t.id !== m[1])
    },
  ],
  [
    'POST',
    /^\/nodes\/([^/]+)\/revoke$/,
    (m) => {
      const node = nodes.find((n) => n.id === m[1])
      if (node) Object.assign(node, { state: 'revoked', since: new Date().toISOString(), rtt_ms: null })
    },
  ],
]
