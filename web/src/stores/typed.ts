const KEEP = 100

/** What was typed into a server's console, oldest first, kept in this browser per server. */
export function typedBefore(server: string): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(`warren.typed.${server}`) ?? '[]')
    return Array.isArray(kept) ? kept.filter((line): line is string => typeof line === 'string') : []
  } catch {
    return []
  }
}

export function keepTyped(server: string, line: string): string[] {
  const before = typedBefore(server)
  const next = before.at(-1) === line ? before : [...before, line].slice(-KEEP)
  try {
    localStorage.setItem(`warren.typed.${server}`, JSON.stringify(next))
  } catch {
    // A full storage costs the history, not the command.
  }
  return next
}

/** The first lines worth a button: typed most often, newest first among equals. */
export function quickCommands(lines: string[], most: number): string[] {
  const counts = new Map<string, number>()
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1)
  return [...counts.entries()]
    .reverse()
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([line]) => line)
}

/** The end that Tab adds: from the newest line that begins with what stands there. */
export function completion(lines: string[], text: string): string | undefined {
  if (text === '') return undefined
  return lines.findLast((line) => line.startsWith(text) && line !== text)
}
