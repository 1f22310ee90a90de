import { plain } from '~/live/ansi'
import type { ConsoleLog } from '~/live/console-log'

const ASK = /you need to agree to the eula in order to run the server/i

/** True when the game's last words ask for its licence, and its egg says that it may. */
export function asksForEula(features: string[], log: ConsoleLog): boolean {
  if (!features.includes('eula')) return false
  return log.entries
    .slice(-30)
    .some(
      (entry) => entry.kind === 'line' && entry.run === (log.run ?? entry.run) && ASK.test(plain(entry.text)),
    )
}
