import { expect, it } from 'vitest'
import { isAddress, nameIn } from './fetch-calls'

it('takes for an address what is one of the web, without a user', () => {
  for (const good of ['https://a.example/x.jar', 'HTTP://a:8080', 'http://[2606::1]/x?y#z'])
    expect(isAddress(good), good).toBe(true)
  for (const bad of [
    '',
    'x',
    'ftp://a/x',
    'javascript:alert(1)',
    'https://',
    'https://me@a/',
    'https://me:pw@a/',
    'http://a b/',
  ])
    expect(isAddress(bad), bad).toBe(false)
})

it('reads the name that an address ends with', () => {
  expect(nameIn('https://a.example/files/paper%201.jar?token=1')).toBe('paper 1.jar')
  expect(nameIn('https://a.example/%zz')).toBe('%zz')
  expect(nameIn('https://a.example/')).toBe('')
  expect(nameIn('no address')).toBe('')
})
