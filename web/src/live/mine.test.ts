import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keys, queryClient } from '~/api/queries'
import { merged, type ServerPage, serverPagesQuery, tallyQuery } from '~/api/server-lists'
import type { ServerSummary } from '~/api/types'
import { servers } from '~/mock-api/data'
import { onEvent } from './mine'

const shown = servers.slice(0, 3)
const first = shown[0] as ServerSummary
const list = serverPagesQuery().queryKey
let read: string[] = []
let clock = Date.now()

function fleetOf(total: number): void {
  queryClient.setQueryData(list, {
    pages: [[{ items: shown, next: null }]] as ServerPage[],
    pageParams: [[]],
  })
  const none = { new: 0, installing: 0, stopped: 0, starting: 0, stopping: 0, crashed: 0, error: 0 }
  queryClient.setQueryData(tallyQuery.queryKey, { ...none, running: total, total })
}
const moved = (to: string) =>
  onEvent({
    type: 'warren.server.state',
    subject: `server/${first.id}`,
    data: { to, at: '2026-11-20T12:00:00Z' },
  })
const rows = () => merged(queryClient.getQueryData(list)?.pages ?? [])
const reads = () => read.filter((key) => key === JSON.stringify(keys.servers)).length

beforeEach(() => {
  // Long after what the test before has read.
  clock += 3_600_000
  vi.useFakeTimers({ now: clock })
  read = []
  vi.spyOn(queryClient, 'invalidateQueries').mockImplementation(async (filters) => {
    read.push(JSON.stringify(filters?.queryKey))
  })
})
afterEach(() => {
  vi.runAllTimers()
  vi.useRealTimers()
  vi.restoreAllMocks()
  queryClient.clear()
})

it('a row that is shown has its new state from the event itself', () => {
  fleetOf(3)
  moved('crashed')
  expect(rows().find((server) => server.id === first.id)?.state).toBe('crashed')
  expect(reads()).toBe(0)
})

it('a burst of events reads the lists once', () => {
  fleetOf(3)
  for (const state of ['starting', 'running', 'stopping']) moved(state)
  vi.advanceTimersByTime(200)
  expect(reads()).toBe(1)
  moved('stopped')
  vi.advanceTimersByTime(200)
  expect(reads()).toBe(2)
})

it('lists of a fleet that is always moving are read every five seconds at most, a server itself at once', () => {
  fleetOf(100_000)
  for (let at = 0; at < 100; at++) {
    moved(at % 2 ? 'running' : 'starting')
    vi.advanceTimersByTime(100)
  }
  expect(reads()).toBeGreaterThanOrEqual(2)
  expect(reads()).toBeLessThanOrEqual(3)
  expect(read.filter((key) => key === JSON.stringify(keys.server(first.id))).length).toBeGreaterThan(20)
})
