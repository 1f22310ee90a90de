import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Problem } from '~/api/problem'
import type * as Wire from './wire'

const wire = vi.hoisted(() => ({
  send: vi.fn(),
  begin: vi.fn(),
  offsetOf: vi.fn(),
  giveUp: vi.fn(async () => undefined),
  dropTicket: vi.fn(),
}))
vi.mock('./wire', async (load) => ({ ...(await load<typeof Wire>()), ...wire }))

const { another, uploads } = await import('./queue')
const { Broken } = await import('./wire')

const file = (name: string, size = 3) => ({ file: new File(['x'.repeat(size)], name), path: name })
const there = () => new Problem({ status: 409, code: 'file_exists', title: '', detail: '' })
const states = () => uploads.all().map(({ name, state }) => `${name} ${state}`)

beforeEach(() => {
  for (const { id } of uploads.all()) uploads.cancel(id)
  vi.clearAllMocks()
  wire.begin.mockResolvedValue('theirs')
  wire.offsetOf.mockResolvedValue(0)
  wire.send.mockResolvedValue(undefined)
})

describe('the queue of uploads', () => {
  it('sends three at one time and the next when one is done', async () => {
    const ends: Array<() => void> = []
    wire.send.mockImplementation(() => new Promise<void>((resolve) => ends.push(resolve)))
    uploads.add(
      's',
      '/plugins/',
      ['a', 'b', 'c', 'd'].map((name) => file(name)),
    )
    await vi.waitFor(() => expect(ends).toHaveLength(3))
    expect(wire.send.mock.calls[0]?.[0]).toMatchObject({
      server: 's',
      path: 'plugins/a',
      size: 3,
      overwrite: false,
    })
    ends[0]?.()
    await vi.waitFor(() => expect(ends).toHaveLength(4))
    expect(states()).toEqual(['a done', 'b sending', 'c sending', 'd sending'])
  })

  it('goes on by itself from what the node has when the line broke', async () => {
    wire.send.mockRejectedValueOnce(new Broken())
    wire.offsetOf.mockResolvedValue(2)
    uploads.add('s', '', [file('a')])
    await vi.waitFor(() => expect(states()).toEqual(['a broken']))
    dispatchEvent(new Event('online'))
    await vi.waitFor(() => expect(states()).toEqual(['a done']))
    const [first, second] = wire.send.mock.calls
    expect([first?.[3], second?.[3]]).toEqual([0, 2])
    expect(second?.[1]).toBe(first?.[1])
  })

  it('asks what to do with a file that is there, once for all', async () => {
    wire.send.mockImplementation(async (target: { overwrite: boolean; path: string }) => {
      if (!target.overwrite && !target.path.includes('(2)')) throw there()
    })
    uploads.add('s', '', [file('a.txt'), file('b.txt'), file('c.txt')])
    await vi.waitFor(() => expect(states()).toEqual(['a.txt conflict', 'b.txt conflict', 'c.txt conflict']))
    const [a, b] = uploads.all()
    uploads.decide(a?.id ?? '', 'both', false)
    await vi.waitFor(() => expect(states()[0]).toBe('a (2).txt done'))
    uploads.decide(b?.id ?? '', 'overwrite', true)
    await vi.waitFor(() => expect(states()).toEqual(['a (2).txt done', 'b.txt done', 'c.txt done']))
  })

  it('stops at a pause, keeps what has come, and gives it up on demand', async () => {
    wire.send.mockImplementation(
      (_target, _id, _file, _offset, { signal, onSent }: { signal: AbortSignal; onSent(n: number): void }) =>
        new Promise((_, reject) => {
          onSent(1)
          signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')))
        }),
    )
    uploads.add('s', '', [file('a')])
    await vi.waitFor(() => expect(uploads.all()[0]?.sent).toBe(1))
    const id = uploads.all()[0]?.id ?? ''
    uploads.pause(id)
    expect(states()).toEqual(['a paused'])
    uploads.cancel(id)
    expect(wire.giveUp).toHaveBeenCalledOnce()
    expect(states()).toEqual([])
  })

  it('begins a large file before it sends a byte of it, and hears there that it may not', async () => {
    uploads.add('s', '', [file('a', 300_000)])
    await vi.waitFor(() => expect(states()).toEqual(['a done']))
    expect(wire.send.mock.calls[0]?.[1]).toBe('theirs')
    wire.begin.mockRejectedValueOnce(there())
    uploads.add('s', '', [file('b', 300_000)])
    await vi.waitFor(() => expect(states()).toEqual(['a done', 'b conflict']))
    expect(wire.send).toHaveBeenCalledOnce()
  })

  it('does not try for ever what is refused', async () => {
    wire.send.mockRejectedValue(
      new Problem({ status: 413, code: 'disk_limit', title: '', detail: 'no room' }),
    )
    uploads.add('s', '', [file('a')])
    await vi.waitFor(() => expect(states()).toEqual(['a failed']))
    expect(wire.send).toHaveBeenCalledOnce()
  })
})

describe('the name of another copy', () => {
  it('stands before the ending', () => {
    expect(another('a/b.tar', 2)).toBe('a/b (2).tar')
    expect(another('a.d/b', 3)).toBe('a.d/b (3)')
    expect(another('.env', 2)).toBe('.env (2)')
  })
})
