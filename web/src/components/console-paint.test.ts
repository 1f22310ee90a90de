import { describe, expect, it } from 'vitest'
import type { LineEntry } from '~/live/console-log'
import { brokenAtWords, ink } from './console-paint'

const ESC = '\x1b['

function line(text: string, level: LineEntry['level'] = 'normal'): LineEntry {
  return { kind: 'line', key: 1, at: 0, stream: 'game', run: 'r', offset: 0, text, level }
}
const wide = (entry: LineEntry) => ink(entry, '35', false, 120)
const phone = (entry: LineEntry) => ink(entry, '35', true, 40)

describe('a console line in ink', () => {
  it('puts the prefix of an ordinary line back, and keeps all of it where there is room', () => {
    expect(wide(line('[Server thread/INFO]: Preparing'))).toBe(
      `${ESC}90m[Server thread/INFO]: ${ESC}39mPreparing${ESC}0m\r\n`,
    )
  })

  it('says only the level on a phone, whatever colours the game uses', () => {
    expect(phone(line('[Server thread/INFO]: Preparing'))).toContain(`${ESC}90mINFO ${ESC}39mPreparing`)
    expect(phone(line(`${ESC}90m[Server thread/INFO]: ${ESC}93mMira joined`))).toContain(
      `${ESC}90mINFO ${ESC}93mMira joined`,
    )
    expect(phone(line('[12:00:01] [Server thread/WARN]: lag', 'warn'))).toContain(`${ESC}33mWARN lag`)
    expect(phone(line('[Server thread/ERROR]: no', 'error'))).toContain(`${ESC}31mERROR no`)
  })

  it("leaves a game's own colours alone", () => {
    expect(wide(line(`${ESC}32mDone`))).toBe(`${ESC}32mDone${ESC}0m\r\n`)
  })

  it('does not take a bracket in the text for a prefix', () => {
    expect(wide(line('<Mira> [INFORMATION] soon'))).toBe(`<Mira> [INFORMATION] soon${ESC}0m\r\n`)
  })
})

describe('rows of a phone', () => {
  it('end before a word that would be cut in two', () => {
    expect(brokenAtWords('one two three', 10)).toBe('one two   three')
    expect(brokenAtWords('12345 6789 abc', 10)).toBe('12345 6789 abc')
  })

  it('count no room for colours', () => {
    expect(brokenAtWords(`one ${ESC}31mtwo${ESC}0m three`, 10)).toBe(`one ${ESC}31mtwo${ESC}0m   three`)
  })

  it('leave words longer than a row, and text of uncertain width, to the terminal', () => {
    expect(brokenAtWords('a 0123456789abcdef', 10)).toBe('a 0123456789abcdef')
    expect(brokenAtWords('世界 世界 世界 世界 世界', 10)).toBe('世界 世界 世界 世界 世界')
  })
})
