import { expect, it } from 'vitest'
import { recoveryText } from './recovery-text'
import { digitsOf, spelled } from './second-factor'

it('a secret is spelled in groups of four, without one that is empty', () => {
  expect(spelled('JBSWY3DPEHPK3PXP')).toBe('JBSW Y3DP EHPK 3PXP')
  expect(spelled('JBSWY3')).toBe('JBSW Y3')
  expect(spelled('JBSW')).toBe('JBSW')
  expect(spelled('')).toBe('')
})

it('a code is its six digits, however it was pasted', () => {
  expect(digitsOf(' 123 456\n')).toBe('123456')
  expect(digitsOf('123-4567')).toBe('123456')
  expect(digitsOf('abcd-efgh')).toBe('')
})

it('the file of recovery codes says whose they are, where, since when, and holds each', () => {
  const text = recoveryText(
    ['aaaa-bbbb-cccc-dddd', 'eeee-ffff-gggg-hhhh'],
    'mira',
    'panel.example.net',
    new Date('2026-11-30T01:00:00Z'),
  )
  const lines = text.split('\n')
  expect(lines[0]).toBe('Recovery codes of mira at panel.example.net, made on 2026-11-30.')
  expect(lines.slice(3)).toEqual(['aaaa-bbbb-cccc-dddd', 'eeee-ffff-gggg-hhhh', ''])
})
