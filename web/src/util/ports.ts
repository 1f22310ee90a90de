export interface PortRange {
  first: number
  last: number
}

function port(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined
  const n = Number(text)
  return n >= 1 && n <= 65_535 ? n : undefined
}

/** "25565-25664" or one port. */
export function portRange(text: string): PortRange | undefined {
  const [a = '', b = a, ...rest] = text.trim().split(/\s*-\s*/)
  const first = port(a)
  const last = port(b)
  if (rest.length > 0 || first === undefined || last === undefined || last < first) return undefined
  return { first, last }
}

/** Where players go: the address's own name, and for every-address the one that the node shows to players. */
export function playerAddress(
  at: { ip: string; port: number; alias?: string | null },
  shown: string | undefined,
): string {
  const every = at.ip === '0.0.0.0' || at.ip === '::'
  const host = at.alias || (every && shown ? shown : at.ip)
  return `${host.includes(':') ? `[${host}]` : host}:${at.port}`
}

/** How many ports a list such as "25565-25600, 27015" names, or undefined when it can't be read. */
export function portCount(text: string): number | undefined {
  const parts = text.split(',').map((part) => part.trim())
  let sum = 0
  for (const part of parts) {
    const range = portRange(part)
    if (!range) return undefined
    sum += range.last - range.first + 1
  }
  return sum
}
