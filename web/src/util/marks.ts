import type { Run } from '~/api/types'
import { texts } from '~/i18n/texts'

const t = texts('charts')

/** Something that happened to a server, for the time axis of its charts. */
export interface Mark {
  /** Unix seconds. */
  at: number
  word: string
  /** A plain event, or one that somebody may want to look at. */
  look: 'event' | 'fail'
}

/** What ends on purpose: by itself, by Ctrl-C, killed, terminated. */
const ASKED = new Set([0, 130, 137, 143])
/** An end and a start this near to each other are one restart. */
const RESTART_S = 120

function endOf(run: Run): Mark | undefined {
  if (!run.ended_at) return undefined
  const at = Date.parse(run.ended_at) / 1000
  if (run.oom) return { at, word: t('mark.oom'), look: 'fail' }
  if (run.exit_code !== null && !ASKED.has(run.exit_code))
    return { at, word: t('mark.ended', { code: run.exit_code }), look: 'fail' }
  return { at, word: t('mark.stopped'), look: 'event' }
}

/** Starts, stops, crashes and restarts, oldest first. Installations are no runs of the game. */
export function marksOf(runs: Run[]): Mark[] {
  const games = runs
    .filter((run) => run.kind === 'game')
    .sort((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at))
  const marks: Mark[] = []
  for (const run of games) {
    const at = Date.parse(run.started_at) / 1000
    const before = marks.at(-1)
    const again = before !== undefined && at - before.at <= RESTART_S
    // After a crash both count; a stop that is followed at once is the restart itself.
    if (again && before.look === 'event') marks.pop()
    marks.push({ at, word: t(again ? 'mark.restarted' : 'mark.started'), look: 'event' })
    const end = endOf(run)
    if (end) marks.push(end)
  }
  return marks
}
