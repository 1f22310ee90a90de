import { describe, expect, it } from 'vitest'
import { nodes } from '~/mock-api/data'
import { arrived } from './arrival'

const [first, second] = nodes
const ids = new Set(nodes.map((node) => node.id))

describe('the machine that a join command was run on', () => {
  it('is nobody while the list is as it was', () => {
    expect(arrived(nodes, { used_by: [] }, ids)).toBeUndefined()
    expect(arrived(nodes, undefined, undefined)).toBeUndefined()
  })

  it('is the one that the token names, also when it was known before', () => {
    expect(arrived(nodes, { used_by: [second?.id ?? ''] }, ids)).toBe(second)
  })

  it('is else the one that was not there before', () => {
    const others = new Set(nodes.slice(1).map((node) => node.id))
    expect(arrived(nodes, { used_by: [] }, others)).toBe(first)
  })
})
