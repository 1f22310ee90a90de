import { expect, it } from 'vitest'
import { parse, said } from './message'

const rules = new Intl.PluralRules('en')
const speech = { plural: (n: number) => rules.select(n), number: (n: number) => n.toLocaleString('en') }
const say = (text: string, values = {}) => said(parse(text), values, speech, (_, inner) => inner).join('')

it('a value stands where its name does', () => {
  expect(say('{server} is on {node}', { server: 'a', node: 'b' })).toBe('a is on b')
  expect(say('port {port}', { port: 25565 })).toBe('port 25565')
  expect(say('{n, number} lines', { n: 25565 })).toBe('25,565 lines')
})

it('what is given is never read as a message', () => {
  expect(say('{name}', { name: '{x} <b> #' })).toBe('{x} <b> #')
})

it('a number chooses its words, and an exact one before its kind', () => {
  const text = '{n, plural, =0 {no servers} one {# server} other {# servers}}'
  expect([0, 1, 2, 4182].map((n) => say(text, { n }))).toEqual([
    'no servers',
    '1 server',
    '2 servers',
    '4,182 servers',
  ])
})

it('a word chooses words', () => {
  const text = '{what, select, file {a file} other {{what}}}'
  expect(say(text, { what: 'file' })).toBe('a file')
  expect(say(text, { what: 'pipe' })).toBe('pipe')
})

it('choices stand inside choices and tags', () => {
  const text = 'See <b>{n, plural, one {# {what}} other {# {what}s}}</b> #'
  expect(say(text, { n: 2, what: 'node' })).toBe('See 2 nodes #')
})

it('tags tell what they enclose', () => {
  const mark = said(parse('a <b>c {d}</b> e'), { d: 1 }, speech, (name, inner) => [{ name, inner }])
  expect(mark).toEqual(['a ', { name: 'b', inner: ['c ', 1] }, ' e'])
})

it('a sign between quotes is itself', () => {
  expect(say("'{'{name}'}' and '<'b>, it's", { name: 'x' })).toBe("{x} and <b>, it's")
})

it.each(['{name', 'name}', '{n, plural, one {x}}', '<b>text', 'text</b>', '{n, date}', "'{ never closed"])(
  'refuses %s',
  (text) => {
    expect(() => parse(text)).toThrow(SyntaxError)
  },
)
