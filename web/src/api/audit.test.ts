import { afterEach, expect, it, vi } from 'vitest'
import { exportHref, narrowOf } from './audit'

afterEach(() => vi.unstubAllEnvs())

it('the last day is with it, until the midnight after', () => {
  vi.stubEnv('TZ', 'Europe/Berlin')
  expect(narrowOf({ from: '2026-10-25', to: '2026-10-25' })).toEqual({
    from: '2026-10-24T22:00:00.000Z',
    to: '2026-10-25T23:00:00.000Z',
  })
})

it('what else an address holds is not asked for', () => {
  const search = { action: 'control.', mock: 'many', from: 'yesterday' }
  expect(narrowOf(search)).toEqual({ action: 'control.' })
})

it('a file of the log is asked for with the filters that are set, and with nothing that one of them smuggles in', () => {
  expect(exportHref('csv', {})).toBe('/api/v1/audit/export?format=csv')
  expect(exportHref('jsonl', narrowOf({ action: 'control.&user=x#', user: '01ANN' }))).toBe(
    '/api/v1/audit/export?format=jsonl&user=01ANN&action=control.%26user%3Dx%23',
  )
})
