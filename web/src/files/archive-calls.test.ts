import { expect, it } from 'vitest'
import { archiveName } from './archive-calls'

it('calls an archive by what is in it, or by its folder', () => {
  expect(archiveName(['world'], 'data')).toBe('world')
  expect(archiveName(['server.properties'], '')).toBe('server')
  expect(archiveName(['.env'], '')).toBe('.env')
  expect(archiveName(['a', 'b'], 'plugins')).toBe('plugins')
  expect(archiveName(['a', 'b'], '')).toBe('archive')
})
