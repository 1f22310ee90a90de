type Part = string | false | null | undefined

/** Joins class names; there is no merging, because no component takes classes that fight its own. */
export function cx(...parts: Part[]): string {
  return parts.filter(Boolean).join(' ')
}
