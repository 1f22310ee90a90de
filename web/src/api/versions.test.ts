import { expect, it } from 'vitest'
import { changedByUs, known } from './versions'

it('follows one’s own changes and nobody else’s', () => {
  changedByUs('s1', 'a', 'b')
  changedByUs('s1', 'b', 'c')
  expect(known('s1', 'a')).toBe('c')
  expect(known('s1', 'x')).toBe('x')
  expect(known('s2', 'a')).toBe('a')
})

it('ends where changes lead back to where they began', () => {
  changedByUs('s3', 'a', 'b')
  changedByUs('s3', 'b', 'a')
  expect(['a', 'b']).toContain(known('s3', 'a'))
})
