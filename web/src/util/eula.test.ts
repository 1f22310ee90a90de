import { expect, it } from 'vitest'
import { ConsoleLog } from '~/live/console-log'
import { asksForEula } from './eula'

const ASKS =
  '[12:00:01] [main/INFO]: You need to agree to the EULA in order to run the server. Go to eula.txt for more info.\n'

function logOf(...runs: string[]): ConsoleLog {
  const log = new ConsoleLog()
  for (const [n, text] of runs.entries()) {
    log.begin(`run${n}`)
    log.add(`run${n}`, 'game', { offset: 0, bytes: new TextEncoder().encode(text), times: [[0, 1000 + n]] })
  }
  log.settle()
  return log
}

it('the licence is asked for when the game says so and the egg expects it', () => {
  expect(asksForEula(['eula'], logOf(ASKS))).toBe(true)
  expect(asksForEula([], logOf(ASKS))).toBe(false)
})

it('a later run that says nothing of it needs no licence', () => {
  expect(asksForEula(['eula'], logOf(ASKS, 'Done (14.8s)!\n'))).toBe(false)
})
