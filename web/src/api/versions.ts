// Of two who change the same thing, the second is told; but nobody is told of what they did themselves a moment ago.
const own = new Map<string, string>()
const MOST = 200

/** What a change is meant for: the panel refuses it where the thing is in another state. */
export const ifMatch = (version: string) => ({ 'if-match': `"${version}"` })

/** One's own change led from one state to another. */
export function changedByUs(id: string, from: string, to: string): void {
  if (from === to) return
  if (own.size >= MOST) own.clear()
  own.set(`${id} ${from}`, to)
}

/** The state that somebody who saw `version` knows of: that one, with what they changed since. */
export function known(id: string, version: string): string {
  let at = version
  for (let steps = 0; steps < MOST; steps += 1) {
    const next = own.get(`${id} ${at}`)
    if (next === undefined || next === version) return at
    at = next
  }
  return at
}
