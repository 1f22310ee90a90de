import { texts } from '~/i18n/texts'
import { dayText } from './format'

const t = texts('common')

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/

/** Midnight at which a date field's day begins, in the reader's zone; `later` counts days on. None for what is no day. */
export function midnight(day: string, later = 0): Date | undefined {
  const [, year, month, date] = (DAY.exec(day) ?? []).map(Number)
  if (year === undefined || month === undefined || date === undefined) return undefined
  const begins = new Date(year, month - 1, date)
  // The 31st of a short month would be another day.
  if (begins.getMonth() !== month - 1 || begins.getDate() !== date) return undefined
  return new Date(year, month - 1, date + later)
}

/** "20 Nov 2026 to 28 Nov 2026", "since 20 Nov 2026". */
export function daysText(from: string | undefined, to: string | undefined): string {
  const [first, last] = [from, to].map((day) => {
    const at = day && midnight(day)
    return at ? dayText(at) : undefined
  })
  if (first && last) return first === last ? first : t('days.from_to', { from: first, to: last })
  if (first) return t('days.since', { from: first })
  return last ? t('days.until', { to: last }) : ''
}
