import { describe, expect, it } from 'vitest'
import type { ServerSummary } from '~/api/types'
import { nodes } from '~/mock-api/data'
import { pendingIntent, powerOff, shownState, takeBackOff } from './state'

function server(over: Partial<ServerSummary>): ServerSummary {
  return {
    id: 's',
    name: 'S',
    state: 'stopped',
    state_since: '2026-11-20T12:00:00Z',
    reason: null,
    detail: null,
    intent: null,
    suspended: false,
    node: { id: 'n', name: 'n', state: 'online' },
    egg: { id: 'e', name: 'e' },
    address: null,
    limits: {},
    usage: null,
    operation: null,
    created_at: '2026-11-20T12:00:00Z',
    ...over,
  }
}

describe('power buttons', () => {
  it('work where control takes the order', () => {
    expect(powerOff(server({ state: 'stopped' }), 'start')).toBe(false)
    expect(powerOff(server({ state: 'crashed' }), 'start')).toBe(false)
    expect(powerOff(server({ state: 'running' }), 'stop')).toBe(false)
    expect(powerOff(server({ state: 'starting' }), 'stop')).toBe(false)
    expect(powerOff(server({ state: 'stopping' }), 'kill')).toBe(false)
    expect(powerOff(server({ state: 'running' }), 'restart')).toBe(false)
  })
  it('say why they are off', () => {
    expect(powerOff(server({ state: 'running' }), 'start')).toMatch(/is running/)
    expect(powerOff(server({ state: 'stopped' }), 'stop')).toMatch(/does not run/)
    expect(powerOff(server({ state: 'installing' }), 'start')).toMatch(/being installed/)
    expect(powerOff(server({ suspended: true }), 'start')).toMatch(/suspended/)
    expect(powerOff(server({ state: 'error', reason: 'install_failed' }), 'start')).toMatch(/reinstall/)
  })
})

describe('what is shown', () => {
  it('is a condition before a state', () => {
    expect(shownState(server({ state: 'running', node: { id: 'n', name: 'n', state: 'offline' } }))).toBe(
      'unreachable',
    )
    expect(shownState(server({ state: 'stopped', suspended: true }))).toBe('suspended')
  })
  it('is an intent until the fact arrives', () => {
    const intent = { action: 'start', asked_at: '2026-11-20T12:00:00Z' } as const
    expect(pendingIntent(server({ state: 'stopped', intent }))?.word).toBe('Starting')
    expect(pendingIntent(server({ state: 'running', intent }))).toBeUndefined()
  })
})

it('a node is taken back only while it is not connected', () => {
  const [node] = nodes
  if (!node) throw new Error('the mock has nodes')
  expect(takeBackOff({ ...node, state: 'online' })).toMatch(/connected/)
  expect(takeBackOff({ ...node, state: 'quarantined' })).toMatch(/say first/)
  expect(takeBackOff({ ...node, state: 'offline' })).toBe(false)
  expect(takeBackOff({ ...node, state: 'revoked' })).toBe(false)
})
