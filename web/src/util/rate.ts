/** Requests a minute that every credential may make anyway. */
export const MOST_PER_MINUTE = 3000

/** What was typed as a rate; null for nothing, as many as any. */
export function rateOf(text: string): number | 'wrong' | null {
  if (text.trim() === '') return null
  if (!/^\d+$/.test(text.trim())) return 'wrong'
  const rate = Number(text)
  return rate >= 1 && rate <= MOST_PER_MINUTE ? rate : 'wrong'
}
