/** Whether a password was just set by a link. Not in the address: a link of others could claim it there. */
let set = false

export const passwordSet = {
  note(): void {
    set = true
  },
  /** Until somebody tries to sign in. */
  is(): boolean {
    return set
  },
  forget(): void {
    set = false
  },
}
