import type { PortChange, ServerPort, ServerSummary } from '~/api/types'
import { problem, type Route } from './answers'
import { freePort, portsOf, servers, setPorts } from './data'

let next = 25_600

/** As control does it: a refusal, or nothing once the ports are changed. */
export function changePorts(server: ServerSummary, change: PortChange): Response | undefined {
  const before = portsOf(server)
  const wished = change.add?.[0]?.port
  if (wished === 25_566)
    return problem(409, 'port_taken', `port ${wished} belongs to another server on node ${server.node.name}`)
  if (wished && before.some((p) => p.port === wished))
    return problem(409, 'port_taken', `port ${wished} is this server's already on node ${server.node.name}`)
  const free = Array.from({ length: change.extra ?? 0 }, () => (next += 1))
  const added = [...(change.add ?? []).map(({ port }) => port), ...free].map(freePort)
  const after = [...before.filter((p) => !change.remove?.includes(p.id)), ...added].map((p) =>
    change.primary ? { ...p, primary: p.id === change.primary } : p,
  )
  setPorts(
    server.id,
    after.sort((a, b) => Number(b.primary) - Number(a.primary) || a.port - b.port),
  )
  showAddress(server)
  return undefined
}

function showAddress(server: ServerSummary): void {
  const best = portsOf(server).find((p) => p.primary)?.addresses[0]
  server.address = best ? { host: best.host, port: best.port, display: best.display } : null
}

function renamed(port: ServerPort, alias: string): ServerPort {
  const display = `${alias}:${port.port}`
  return {
    ...port,
    alias: alias || null,
    addresses: [
      ...(alias ? [{ kind: 'alias' as const, host: alias, port: port.port, display }] : []),
      ...port.addresses.filter((a) => a.kind !== 'alias'),
    ],
  }
}

export const aliasRoutes: Route[] = [
  [
    'PATCH',
    /^\/nodes\/([^/]+)\/allocations\/([^/]+)$/,
    (m, body) => {
      const { alias = '' } = body as { alias?: string }
      if (/[\s/]/.test(alias))
        return problem(422, 'invalid', 'One field is wrong.', [
          { field: 'alias', code: 'invalid', message: 'is neither an IP address nor a host name' },
        ])
      for (const server of servers.filter((s) => s.node.id === m[1])) {
        setPorts(
          server.id,
          portsOf(server).map((p) => (p.id === m[2] ? renamed(p, alias) : p)),
        )
        showAddress(server)
      }
      return {}
    },
  ],
]
