/** Why the app was left for the door, in the panel's words. Not in the address: a link would put words of others there. */
let said: string | undefined

export const turnedAway = {
  note(why: string): void {
    said = why
  },
  /** Until somebody tries to sign in. */
  why(): string | undefined {
    return said
  },
  forget(): void {
    said = undefined
  },
}
