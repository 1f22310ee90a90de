import { expect, it } from 'vitest'
import { Problem } from '~/api/problem'
import type { Server } from '~/api/types'
import { servers, whole } from '~/mock-api/data'
import { addOff, certainPort, giveBackOff, makePrimaryOff, newPorts, portTrouble } from './port-rules'

function server(change: Partial<Server> = {}): Server {
  const row = servers.find((s) => s.state === 'stopped' && !s.suspended)
  if (!row) throw new Error('the mock has a stopped server')
  return { ...whole(row), ...change }
}
const [first, extra] = server().allocations
const refused = (code: string, detail: string, fields: Record<string, string> = {}) =>
  new Problem({ status: 409, code, title: 'Refused', detail, fields })
const asked = { port: '25570', ip: '', node: 'fra-2' }

it('an extra port of a stopped game is given back, the first one is not', () => {
  if (!first || !extra) throw new Error('the mock gives each server two ports')
  expect(giveBackOff(server(), extra)).toBe(false)
  expect(giveBackOff(server(), first)).toMatch(/another port primary/)
})

it('a game keeps its ports until it stops, and while it is asked to start', () => {
  if (!extra) throw new Error('the mock gives each server two ports')
  const held = 'The game has it until it stops'
  for (const state of ['starting', 'running', 'stopping'] as const)
    expect(giveBackOff(server({ state }), extra)).toBe(held)
  const intent = { action: 'start', asked_at: '2026-11-20T00:00:00Z' } as const
  expect(giveBackOff(server({ intent }), extra)).toBe(held)
})

it('what one may not do says so', () => {
  if (!extra) throw new Error('the mock gives each server two ports')
  const nobody = server({ permissions: [] })
  expect(giveBackOff(nobody, extra)).toMatch(/may not/)
  expect(makePrimaryOff(nobody)).toMatch(/may not/)
  expect(addOff(nobody)).toMatch(/administrator/)
  expect(addOff(server())).toBe(false)
})

it('a server has 32 ports beside its primary at most', () => {
  const one = server()
  const many = Array.from({ length: 33 }, () => one.allocations[0] as Server['allocations'][number])
  expect(addOff({ ...one, allocations: many })).toMatch(/32/)
})

it('a certain port is one that a game may listen on', () => {
  expect(certainPort('25570')).toEqual({ port: 25_570 })
  for (const bad of ['', '80', '65536', '25570-25580', 'x']) expect(certainPort(bad)).toHaveProperty('wrong')
})

it('a port that is taken is said beside the port, with what to do', () => {
  const trouble = portTrouble(refused('port_taken', 'port 25570 is held by nginx on node fra-2'), asked)
  expect(trouble).toEqual({
    field: 'port',
    text: 'Port 25570 is held by nginx on node fra-2. Choose another one.',
  })
  expect(portTrouble(refused('port_withdrawn', 'x'), asked).text).toMatch(/Offer it again/)
})

it('a port that is offered on other addresses alone is said beside the address', () => {
  const trouble = portTrouble(refused('port_not_offered', 'x'), { ...asked, ip: '10.0.0.4' })
  expect(trouble.field).toBe('ip')
  expect(trouble.text).toContain('10.0.0.4 of fra-2')
})

it('too few free ports are said beside how many', () => {
  expect(portTrouble(refused('no_free_port', 'node fra-2 has 0 free ports'), asked).field).toBe('extra')
  expect(portTrouble(refused('node_offline', 'node fra-2 is offline'), asked)).toEqual({
    field: undefined,
    text: 'Node fra-2 is offline.',
  })
})

it('new ports are told from those that were there', () => {
  if (!first || !extra) throw new Error('the mock gives each server two ports')
  expect(newPorts([first], [first, extra])).toEqual([extra.port])
})
