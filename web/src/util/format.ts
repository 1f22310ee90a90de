import { grouped, perLanguage, texts } from '~/i18n/texts'

const t = texts('common')

/** A figure and its unit, apart, so that a caller can set them in different colours. */
export interface Figure {
  value: string
  unit: string
}

const BINARY = ['b', 'kib', 'mib', 'gib', 'tib', 'pib'] as const

const decimalSign = perLanguage(
  (locale) =>
    new Intl.NumberFormat(locale).formatToParts(1.5).find(({ type }) => type === 'decimal')?.value ?? '.',
)

function localised(figure: string): string {
  return figure.replace('.', decimalSign())
}

function threeDigits(n: number): string {
  if (!Number.isFinite(n)) return '0'
  const size = Math.abs(n)
  if (size < 0.005) return '0'
  if (size < 9.995) return n.toFixed(2)
  if (size < 99.95) return n.toFixed(1)
  return Math.round(n).toString()
}

/** Three significant digits, always: 3.64, 74.6, 188. Below a thousandth it is plainly 0. */
export function digits(n: number): string {
  return localised(threeDigits(n))
}

/** Drops what a limit does not need: 6.00 is 6, 0.50 is 0.5. */
export function trimmed(n: number): string {
  return localised(Number(threeDigits(n)).toString())
}

/** Bytes in binary units. A value just below a unit's edge moves up instead of showing 1024. */
export function bytes(n: number, limit = false): Figure {
  let size = Math.max(0, n)
  let step = 0
  while (size >= 999.5 && step < BINARY.length - 1) {
    size /= 1024
    step += 1
  }
  const unit = t(`unit.${BINARY[step] ?? 'b'}`)
  if (step === 0) return { value: Math.round(size).toString(), unit }
  return { value: limit ? trimmed(size) : digits(size), unit }
}

export function bytesText(n: number, limit = false): string {
  return t('amount.bytes', bytes(n, limit))
}

/** "24.9 of 32 GiB": the unit once where both have the same. */
export function ofText(used: number, total: number): string {
  const all = bytes(total, true)
  const part = bytes(used)
  return t('amount.of', {
    part: part.unit === all.unit ? part.value : t('amount.bytes', part),
    all: t('amount.bytes', all),
  })
}

/** Bytes a second. */
export function rateText(n: number): string {
  return t('amount.rate', { amount: bytesText(n) })
}

/** Percent of one core, 100 is a whole one. */
export function percentText(n: number, limit = false): string {
  return t('amount.percent', { value: limit ? trimmed(n) : digits(n) })
}

/** 4182 as "4 182". */
export const count = grouped

/** Where there is no room for all digits: "950", "1.5k", "100k". */
export function countShort(n: number): string {
  if (n < 1000) return count(n)
  const thousands = n / 1000
  return thousands < 1000
    ? t('amount.thousands', { n: trimmed(thousands) })
    : t('amount.millions', { n: trimmed(thousands / 1000) })
}

/** As the beginning of a sentence. What begins with a file's name or an address keeps it as it is. */
export function sentence(text: string): string {
  if (/^[^\s]*[./][^\s]/.test(text)) return text
  return text.charAt(0).toUpperCase() + text.slice(1)
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

type Span = ['s' | 'min' | 'h' | 'days', { n: number }] | ['h_min', { h: number; min: number }]

/** What leads of a span of time: its one or two largest units. */
function spanOf(ms: number): Span {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return ['s', { n: s }]
  const min = Math.floor(s / 60)
  if (min < 60) return ['min', { n: min }]
  const h = Math.floor(min / 60)
  if (h >= 24) return ['days', { n: Math.floor(h / 24) }]
  return min % 60 ? ['h_min', { h, min: min % 60 }] : ['h', { n: h }]
}

/** The same span alone, and before and after now: languages bend the words ("41 Tage", "vor 41 Tagen"). */
const SPANS = {
  alone: ([unit, values]: Span) =>
    unit === 'h_min' ? t('duration.h_min', values) : t(`duration.${unit}`, values),
  ago: ([unit, values]: Span) => (unit === 'h_min' ? t('ago.h_min', values) : t(`ago.${unit}`, values)),
  ahead: ([unit, values]: Span) => (unit === 'h_min' ? t('ahead.h_min', values) : t(`ahead.${unit}`, values)),
}

/** A span of time in its one or two leading units: "8 s", "12 min", "2 h 14 min", "41 days". */
export function duration(ms: number): string {
  return SPANS.alone(spanOf(ms))
}

/** As `duration`, with seconds kept below an hour, for what somebody waits for: "1 min 48 s". */
export function elapsed(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60 || s >= 3600) return duration(ms)
  return t('duration.min_s', { min: Math.floor(s / 60), s: String(s % 60).padStart(2, '0') })
}

export function relative(at: number, now: number): string {
  const away = now - at
  if (away < -1500) return ahead(-away)
  if (away < 1500) return t('ago.now')
  return SPANS.ago(spanOf(away))
}

/** "in 5 min". */
export function ahead(ms: number): string {
  return SPANS.ahead(spanOf(ms))
}

const exactFormat = perLanguage(
  (locale) =>
    new Intl.DateTimeFormat(locale, {
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    }),
)
const clockFormat = perLanguage(
  (locale) => new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' }),
)
const dayFormat = perLanguage(
  (locale) => new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' }),
)

/** "20 Nov 2026, 21:02:11 CET", in the reader's zone. */
export function exact(at: number): string {
  return exactFormat().format(at)
}

export function clock(at: number): string {
  return clockFormat().format(at)
}

/** "20 Nov 2026". */
export function dayText(at: number | Date): string {
  return dayFormat().format(at)
}

/** "1536 MiB" from a whole number of bytes when it divides evenly, for fields that people edit in MiB. */
export function toMib(n: number): number {
  return Math.round(n / 1024 ** 2)
}

export function fromMib(mib: number): number {
  return Math.round(mib * 1024 ** 2)
}
