import { describe, expect, it } from 'vitest'
import type { Run } from '~/api/types'
import { marksOf } from './marks'

const T0 = Date.parse('2026-11-20T12:00:00Z')
const at = (second: number) => new Date(T0 + second * 1000).toISOString()

function run(from: number, to: number | undefined, over: Partial<Run> = {}): Run {
  return {
    id: `r${from}`,
    kind: 'game',
    started_at: at(from),
    ended_at: to === undefined ? null : at(to),
    exit_code: to === undefined ? null : 0,
    oom: false,
    bytes: 1,
    first_kept: 0,
    ...over,
  }
}
const words = (runs: Run[]) => marksOf(runs).map((m) => `${m.at - T0 / 1000} ${m.word}`)

describe('the events of a chart', () => {
  it('are starts and stops, in order of time whatever the order of the list', () => {
    expect(words([run(900, undefined), run(0, 300)])).toEqual(['0 Started', '300 Stopped', '900 Started'])
  })

  it('call a stop with a start right after it one restart', () => {
    expect(words([run(0, 300), run(304, undefined)])).toEqual(['0 Started', '304 Restarted'])
  })

  it('keep a crash beside the restart that followed it', () => {
    const runs = [
      run(0, 300, { exit_code: 1 }),
      run(305, 400, { exit_code: 137, oom: true }),
      run(410, undefined),
    ]
    expect(words(runs)).toEqual([
      '0 Started',
      '300 Ended with exit code 1',
      '305 Restarted',
      '400 Out of memory',
      '410 Restarted',
    ])
    expect(marksOf(runs).filter((m) => m.look === 'fail')).toHaveLength(2)
  })

  it('do not call an end by a signal that was asked for a failure', () => {
    expect(marksOf([run(0, 9, { exit_code: 143 })]).every((m) => m.look === 'event')).toBe(true)
  })

  it('leave installations out', () => {
    expect(words([run(0, 50, { kind: 'install' })])).toEqual([])
  })
})
