/** A figure and its unit, apart, so that a caller can set them in different colours. */
export interface Figure {
  value: string
  unit: string
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Three significant digits, always: 3.64, 74.6, 188. Below a thousandth it is plainly 0. */
export function digits(n: number): string {
  if (!Number.isFinite(n)) return '0'
  const size = Math.abs(n)
  if (size < 0.005) return '0'
  if (size < 9.995) return n.toFixed(2)
  if (size < 99.95) return n.toFixed(1)
  return Math.round(n).toString()
}

/** Drops what a limit does not need: 6.00 is 6, 0.50 is 0.5. */
export function trimmed(n: number): string {
  return Number(digits(n)).toString()
}

/** Bytes in binary units. A value just below a unit's edge moves up instead of showing 1024. */
export function bytes(n: number, limit = false): Figure {
  let size = Math.max(0, n)
  let step = 0
  while (size >= 999.5 && step < BINARY.length - 1) {
    size /= 1024
    step += 1
  }
  const unit = BINARY[step] ?? 'B'
  if (step === 0) return { value: Math.round(size).toString(), unit }
  return { value: limit ? trimmed(size) : digits(size), unit }
}

export function bytesText(n: number, limit = false): string {
  const { value, unit } = bytes(n, limit)
  return `${value} ${unit}`
}

/** "24.9 of 32 GiB": the unit once where both have the same. */
export function ofText(used: number, total: number): string {
  const all = bytes(total, true)
  const part = bytes(used)
  return part.unit === all.unit
    ? `${part.value} of ${all.value} ${all.unit}`
    : `${part.value} ${part.unit} of ${all.value} ${all.unit}`
}

/** Bytes a second. */
export function rateText(n: number): string {
  return `${bytesText(n)}/s`
}

/** Percent of one core, 100 is a whole one. */
export function percentText(n: number, limit = false): string {
  return `${limit ? trimmed(n) : digits(n)} %`
}

/** 4182 as "4 182": groups with a space that does not break. */
export function count(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ' ')
}

/** As the beginning of a sentence. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

/** A span of time in its one or two leading units: "8 s", "12 min", "2 h 14 min", "41 days". */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return `${s} s`
  const min = Math.floor(s / 60)
  if (min < 60) return `${min} min`
  const h = Math.floor(min / 60)
  if (h < 24) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`
  const days = Math.floor(h / 24)
  return days === 1 ? '1 day' : `${days} days`
}

/** As `duration`, with seconds kept below an hour, for what somebody waits for: "1 min 48 s". */
export function elapsed(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`
  return duration(ms)
}

export function relative(at: number, now: number): string {
  const away = now - at
  if (away < -1500) return `in ${duration(-away)}`
  if (away < 1500) return 'just now'
  return `${duration(away)} ago`
}

const exactFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
})
const clockFormat = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** "20 Nov 2026, 21:02:11 CET", in the reader's zone. */
export function exact(at: number): string {
  return exactFormat.format(at)
}

export function clock(at: number): string {
  return clockFormat.format(at)
}

/** "1536 MiB" from a whole number of bytes when it divides evenly, for fields that people edit in MiB. */
export function toMib(n: number): number {
  return Math.round(n / 1024 ** 2)
}

export function fromMib(mib: number): number {
  return Math.round(mib * 1024 ** 2)
}
