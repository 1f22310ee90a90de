/** Reads one value of an address: what it holds, or nothing if that is none of what is meant. */
type Readers<T> = { [K in keyof T]-?: (value: unknown) => T[K] | undefined }

/**
 * What a page takes from its address. The router gives a page whatever else the address holds too, and also what a
 * validator has merely left out: a value that is refused has to be overwritten.
 */
export function taking<T extends object>(readers: Readers<T>): (search: Record<string, unknown>) => T {
  const all = Object.entries(readers) as [string, (value: unknown) => unknown][]
  return (search) => Object.fromEntries(all.map(([key, read]) => [key, read(search[key])])) as T
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A number from 1, of lines and the like. */
export function whole(value: unknown): number | undefined {
  const n = Number(value)
  return Number.isSafeInteger(n) && n > 0 ? n : undefined
}

export function yes(value: unknown): true | undefined {
  return value ? true : undefined
}

export function among<T extends string>(...allowed: readonly T[]): (value: unknown) => T | undefined {
  return (value) => allowed.find((each) => each === value)
}

/** Only our own pages: a link must not use the door to send people elsewhere. Browsers take `/\` for `//`. */
export function ownPath(value: unknown): string | undefined {
  const path = text(value)
  const { origin } = window.location
  const ours = path?.startsWith('/') && URL.canParse(path, origin) && new URL(path, origin).origin === origin
  return ours ? path : undefined
}
