import { expect, it } from 'vitest'
import { router } from '~/router'
import { ownPath } from './search'

const searchOf = (path: string, search: Record<string, unknown>) =>
  router.matchRoutes(path, search).at(-1)?.search

it('what a page does not take from an address does not reach it', () => {
  const hostile = { next: 'https://evil.example/', sso: '<b>', q: 7, state: 'toString', view: 'x', from: 'x' }
  expect(searchOf('/login', hostile)).toMatchObject({ next: undefined, sso: undefined })
  expect(searchOf('/servers', hostile)).toMatchObject({ q: undefined, state: undefined, view: undefined })
  expect(searchOf('/audit', hostile)).toMatchObject({ from: undefined, user: undefined })
})

it('what it takes does, below a page that takes something else too', () => {
  expect(searchOf('/login', { next: '/nodes?join=true', sso: 'expired' })).toEqual({
    next: '/nodes?join=true',
    sso: 'expired',
  })
  expect(searchOf('/nodes/x', { join: 'true', range: '24h' })).toEqual({ join: true, range: '24h' })
})

it('the door leads to our own pages alone', () => {
  for (const path of ['/', '/servers?q=a#b', '/a//b']) expect(ownPath(path)).toBe(path)
  for (const path of [
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'https://evil.example/',
    'javascript:alert(1)',
    'servers',
    '',
    7,
  ])
    expect(ownPath(path)).toBeUndefined()
})
