import type { EggSummary, Nest } from '~/api/types'

/** Eggs that are in one nest, or in none. */
export interface EggGroup {
  id: string | undefined
  name: string
  /** None where the reader sees eggs and no nests. */
  nest: Nest | undefined
  eggs: EggSummary[]
}

/** Eggs by nest, nests and eggs by name; those that are in none come last. With `empty` also nests without an egg. */
export function grouped(eggs: EggSummary[], nests: Nest[], empty: boolean): EggGroup[] {
  const groups = new Map<string | undefined, EggGroup>()
  if (empty) for (const nest of nests) groups.set(nest.id, { id: nest.id, name: nest.name, nest, eggs: [] })
  for (const egg of eggs) {
    const id = egg.nest?.id
    const known = groups.get(id)
    if (known) known.eggs.push(egg)
    else {
      const nest = nests.find((each) => each.id === id)
      groups.set(id, { id, name: nest?.name ?? egg.nest?.name ?? '', nest, eggs: [egg] })
    }
  }
  const last = (group: EggGroup) => (group.id === undefined ? 1 : 0)
  return [...groups.values()].sort((a, b) => last(a) - last(b) || a.name.localeCompare(b.name))
}
