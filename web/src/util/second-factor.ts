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

/** What is kept of recovery codes: without saying where they belong, nobody knows it in a year. */
export function recoveryText(codes: string[], account: string, panel: string, at: Date): string {
  return [
    `Recovery codes of ${account} at ${panel}, made on ${at.toISOString().slice(0, 10)}.`,
    'Each stands in for the authenticator app once. New ones end these.',
    '',
    ...codes,
    '',
  ].join('\n')
}
