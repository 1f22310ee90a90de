import { afterEach, expect, it, vi } from 'vitest'
import { leaveFor, ssoCode, ssoRefusal } from './sso'

afterEach(() => vi.unstubAllGlobals())

it('only what we have words for is taken from an address', () => {
  expect(ssoCode('email_taken')).toBe('email_taken')
  for (const other of ['<b>', 'toString', '__proto__', '', 7, undefined])
    expect(ssoCode(other)).toBeUndefined()
  expect(ssoRefusal('second_factor_needed').text).toContain('password and a code')
  expect(ssoRefusal('too_many_logins').text).toContain('Disconnect one first')
  expect(ssoRefusal('expired').title).toContain('too long')
})

it('one leaves for web pages alone', () => {
  const assign = vi.fn()
  vi.stubGlobal('location', { href: 'https://panel.example.net/login', assign })
  leaveFor('https://id.example.net/authorize?x=1')
  expect(assign).toHaveBeenCalledWith('https://id.example.net/authorize?x=1')
  expect(() => leaveFor('javascript:alert(1)')).toThrow('no web page')
  expect(assign).toHaveBeenCalledTimes(1)
})
