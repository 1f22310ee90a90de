/** Recovery codes of which so many or fewer are left: time for new ones. */
export const FEW_CODES = 3
export const ALL_CODES = 10

/** In groups of four, as it is typed into an app that can't see: "JBSW Y3DP". */
export function spelled(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ')
}

/** Digits as an app shows them: whatever else was pasted along is left out. */
export function digitsOf(text: string): string {
  return text.replace(/\D/g, '').slice(0, 6)
}
