import { expect, it } from 'vitest'
import { addressesIn, refusedIn } from './addresses'

const texts = (text: string) => addressesIn(text).map((typed) => typed.text)

it('addresses are taken by line and by comma, and what is empty is none', () => {
  expect(texts('192.0.2.7\n2001:db8::/32')).toEqual(['192.0.2.7', '2001:db8::/32'])
  expect(texts(' 192.0.2.7 ,10.0.0.0/8,\r\n\r\n , 2001:db8::1\n')).toEqual([
    '192.0.2.7',
    '10.0.0.0/8',
    '2001:db8::1',
  ])
  expect(texts(' \n,, ')).toEqual([])
})

it('what is refused is found at its line, also behind empty ones', () => {
  const text = '192.0.2.7\n\n  10.0.0.300, nonsense'
  const [first, ...more] = refusedIn(text, { 'addresses.1': 'Is no address', name: 'Is wanting' })
  expect(first).toMatchObject({ text: '10.0.0.300', line: 3, why: 'Is no address' })
  expect(text.slice(first?.from, first?.to)).toBe('10.0.0.300')
  expect(more).toEqual([])
})

it('the same address twice is told apart by its place', () => {
  const twice = refusedIn('bad\nbad', { 'addresses.1': 'Is no address' })
  expect(twice).toMatchObject([{ line: 2, from: 4, to: 7 }])
})
