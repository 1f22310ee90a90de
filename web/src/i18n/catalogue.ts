import { type Part, parse } from './message'

/** What a message wants, by name: for types, and to compare languages. */
export type Wants = Map<string, 'Word' | 'number' | 'string' | 'Tag'>

function gather(parts: Part[], wants: Wants): Wants {
  for (const part of parts) {
    if (typeof part === 'string') continue
    const before = wants.get(part.name)
    switch (part.kind) {
      case 'tag':
        wants.set(part.name, 'Tag')
        gather(part.inner, wants)
        break
      case 'value':
        wants.set(part.name, before ?? 'Word')
        break
      case 'number':
      case 'plural':
        wants.set(part.name, 'number')
        break
      case 'select':
        wants.set(part.name, 'string')
    }
    if ('cases' in part) for (const inner of part.cases.values()) gather(inner, wants)
  }
  return wants
}

export function wantsOf(text: string): Wants {
  return gather(parse(text), new Map())
}

/** The namespace's part of `Texts`, as TypeScript. */
export function typesOf(namespace: string, catalogue: Record<string, string>): string {
  const used = new Set<string>()
  const keys = Object.entries(catalogue).map(([key, text]) => {
    const wants = [...wantsOf(text)].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [, type] of wants) if (type === 'Word' || type === 'Tag') used.add(type)
    const values = wants.map(([name, type]) => `${name}: ${type}`).join('; ')
    return `      '${key}': ${values ? `{ ${values} }` : '{}'}\n`
  })
  const imports = used.size
    ? `import type { ${[...used].sort().join(', ')} } from '../texts'\n\n`
    : 'export {}\n\n'
  return `// Written by \`npm run texts\` from ../en/${namespace}.json.\n${imports}declare module '../texts' {\n  interface Texts {\n    ${namespace}: {\n${keys.join('')}    }\n  }\n}\n`
}
