import { expect, it } from 'vitest'
import { moveRefusal } from './clipboard'

it('moves nothing into itself, nor to where it is', () => {
  expect(moveRefusal(['/world'], '/world/region')).toBe('inside_itself')
  expect(moveRefusal(['/world'], '/world')).toBe('inside_itself')
  expect(moveRefusal(['/world'], '/world_old')).toBeUndefined()
  expect(moveRefusal(['/a/b', '/a/c'], '/a')).toBe('already_there')
  expect(moveRefusal(['/a/b', '/c'], '/a')).toBeUndefined()
})
