import { expect, it } from 'vitest'
import type { EggVariable } from '~/api/types'
import { boolPair, ruleWords, startupParts, startupPreview, wrongValue } from './rules'

function variable(over: Partial<EggVariable['input']>, rest: Partial<EggVariable> = {}): EggVariable {
  return {
    name: 'Players',
    description: '',
    env: 'PLAYERS',
    default: '',
    user_viewable: true,
    user_editable: true,
    rules: [],
    ...rest,
    input: { kind: 'text', required: false, min: null, max: null, max_length: null, options: [], ...over },
  }
}

it('limits are told and kept', () => {
  const players = variable({ kind: 'number', min: 1, max: 40, required: true })
  expect(ruleWords(players)).toBe('1 to 40')
  expect(wrongValue(players, '41')).toBe('At most 40')
  expect(wrongValue(players, 'many')).toBe('A number')
  expect(wrongValue(players, '')).toBe('This is needed')
  expect(wrongValue(players, '12')).toBeUndefined()
  expect(wrongValue(variable({ max_length: 3 }), 'four')).toContain('At most 3')
})

it('an empty field that has a default is fine', () => {
  expect(wrongValue(variable({ required: true }, { default: 'latest' }), '')).toBeUndefined()
})

it('booleans keep the words of their egg', () => {
  expect(boolPair(variable({ kind: 'bool', options: ['false', 'true'] }))).toEqual(['true', 'false'])
  expect(boolPair(variable({ kind: 'bool' }, { default: '0' }))).toEqual(['1', '0'])
})

it('a part of the startup line knows the variable that it stems from', () => {
  expect(startupParts('java -jar {{SERVER_JARFILE}}; {{UNKNOWN}}', { SERVER_JARFILE: 'a.jar' })).toEqual([
    { text: 'java -jar ' },
    { text: 'a.jar', env: 'SERVER_JARFILE' },
    { text: '; {{UNKNOWN}}' },
  ])
})

it('the startup line is shown as it will run', () => {
  expect(
    startupPreview('java -jar {{SERVER_JARFILE}} -m {{ SERVER_MEMORY }} ${X}', {
      SERVER_JARFILE: 'a.jar',
      SERVER_MEMORY: '6',
    }),
  ).toBe('java -jar a.jar -m 6 ${X}')
})
