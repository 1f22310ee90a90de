/**
 * What is selected in a list, the row that the keyboard stands on, and where a range began. Names, not places: rows
 * move when a folder is read anew or sorted otherwise.
 */
export interface Selection {
  chosen: ReadonlySet<string>
  active: string | undefined
  anchor: string | undefined
}

export const NOTHING: Selection = { chosen: new Set(), active: undefined, anchor: undefined }

/** A plain click: this one, and nothing else. */
export function only(name: string): Selection {
  return { chosen: new Set([name]), active: name, anchor: name }
}

/** The keyboard stands on it, and nothing is selected. */
export function at(name: string | undefined): Selection {
  return { chosen: new Set(), active: name, anchor: name }
}

/** Ctrl and click, or its checkbox: in or out, the rest stays. */
export function toggled(from: Selection, name: string): Selection {
  const chosen = new Set(from.chosen)
  if (!chosen.delete(name)) chosen.add(name)
  return { chosen, active: name, anchor: name }
}

/** Shift and click: everything between where the range began and here. With `more`, beside what is selected. */
export function ranged(from: Selection, names: readonly string[], name: string, more = false): Selection {
  const to = names.indexOf(name)
  const begin = from.anchor === undefined ? -1 : names.indexOf(from.anchor)
  if (to < 0 || begin < 0) return only(name)
  const between = names.slice(Math.min(begin, to), Math.max(begin, to) + 1)
  return {
    chosen: new Set(more ? [...from.chosen, ...between] : between),
    active: name,
    anchor: from.anchor,
  }
}

export function all(from: Selection, names: readonly string[]): Selection {
  return { ...from, chosen: new Set(names) }
}

/**
 * An arrow key: from the active row by so many rows, stopping at the ends. `extend` selects on the way (shift), `walk`
 * leaves the selection as it is (ctrl).
 */
export function stepped(
  from: Selection,
  names: readonly string[],
  by: number,
  how: 'select' | 'extend' | 'walk' = 'select',
): Selection {
  if (names.length === 0) return from
  const here = from.active === undefined ? -1 : names.indexOf(from.active)
  // From nowhere an arrow comes in at its own end; Home and End, which go all the way, at theirs.
  const far = Math.abs(by) >= names.length && names.length > 1
  const to =
    here < 0 ? (by > 0 === far ? names.length - 1 : 0) : Math.min(names.length - 1, Math.max(0, here + by))
  const name = names[to] as string
  if (how === 'walk') return { ...from, active: name }
  if (how === 'extend' && from.anchor !== undefined) return ranged(from, names, name)
  return only(name)
}

/** Without what is no longer in the list; the keyboard stays near where it stood. */
export function kept(from: Selection, before: readonly string[], names: readonly string[]): Selection {
  const there = new Set(names)
  const gone = [...from.chosen].some((name) => !there.has(name))
  const lost = from.active !== undefined && !there.has(from.active)
  if (!gone && !lost && (from.anchor === undefined || there.has(from.anchor))) return from
  const place = from.active === undefined ? -1 : before.indexOf(from.active)
  const near = place < 0 ? undefined : names[Math.min(place, names.length - 1)]
  return {
    chosen: new Set([...from.chosen].filter((name) => there.has(name))),
    active: lost ? near : from.active,
    anchor: from.anchor !== undefined && there.has(from.anchor) ? from.anchor : undefined,
  }
}
