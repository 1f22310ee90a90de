/** "2026-11-30" of a time, in the reader's zone: what a date field holds. */
export function dayOf(at: string | null): string {
  if (at === null) return ''
  const day = new Date(at)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`
}

/**
 * The last second of a date field's day, in the reader's zone. The day of `before` is `before` itself: a time of day that
 * was set elsewhere is not moved by saving something else. Null for no day.
 */
export function endOf(day: string, before: string | null = null): string | null {
  if (day === '') return null
  if (before !== null && day === dayOf(before)) return before
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
  return new Date(year, month - 1, date, 23, 59, 59).toISOString()
}
