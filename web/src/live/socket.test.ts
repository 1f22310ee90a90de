import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeFrame } from './frame'
import { backoffMs, LiveSocket, renewAfterMs, type ServerSink } from './socket'

const SERVER = '01kah7q3zd0000000000000001'
const RUN = '01kah7q3zd0000000000000002'

class FakeSocket {
  readyState = 0
  binaryType = ''
  sent: Array<Record<string, unknown>> = []
  onopen?: () => void
  onmessage?: (event: { data: unknown }) => void
  onclose?: () => void
  open() {
    this.readyState = 1
    this.onopen?.()
  }
  say(message: unknown) {
    this.onmessage?.({ data: message instanceof ArrayBuffer ? message : JSON.stringify(message) })
  }
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  close() {
    this.readyState = 3
  }
  drop() {
    this.readyState = 3
    this.onclose?.()
  }
}

function sink(over: Partial<ServerSink> = {}): ServerSink {
  const nothing = () => {}
  return {
    cursor: () => undefined,
    ok: nothing,
    frame: nothing,
    stats: nothing,
    run: nothing,
    gap: nothing,
    input: nothing,
    node: nothing,
    ranged: nothing,
    ended: nothing,
    line: nothing,
    ...over,
  }
}

describe('the one socket', () => {
  const sockets: FakeSocket[] = []
  const expires = () => new Date(Date.now() + 300_000).toISOString()
  function build() {
    return new LiveSocket({
      url: () => 'ws://panel/ws',
      ticketMine: async () => ({ ticket: 'mine', expires_at: expires() }),
      ticketServer: async () => ({ ticket: 'server', expires_at: expires() }),
      socket: () => {
        const socket = new FakeSocket()
        sockets.push(socket)
        return socket as unknown as WebSocket
      },
      random: () => 0.5,
    })
  }
  beforeEach(() => {
    vi.useFakeTimers()
    sockets.length = 0
  })
  afterEach(() => vi.useRealTimers())

  it('authenticates first and subscribes after', async () => {
    const live = build()
    live.watch(SERVER, sink())
    live.start({ event: () => {}, back: () => {} })
    await vi.advanceTimersByTimeAsync(0)
    sockets[0]?.open()
    await vi.advanceTimersByTimeAsync(0)
    expect(sockets[0]?.sent.map((m) => [m.t, m.topic])).toEqual([
      ['auth', undefined],
      ['sub', 'mine'],
      ['sub', 'server'],
    ])
  })

  it('goes on by run and offset, and by event sequence, after a break', async () => {
    const live = build()
    const lines: boolean[] = []
    live.watch(
      SERVER,
      sink({ cursor: () => ({ run: RUN, game: 4096, warren: 12 }), line: (up) => lines.push(up) }),
    )
    let back = 0
    live.start({ event: () => {}, back: () => back++ })
    await vi.advanceTimersByTimeAsync(0)
    sockets[0]?.open()
    await vi.advanceTimersByTimeAsync(0)
    sockets[0]?.say({ t: 'event', id: 1, seq: 77, event: { type: 'warren.server.state' } })
    sockets[0]?.drop()
    expect(live.line.kind).toBe('away')
    expect(lines).toEqual([false])
    await vi.advanceTimersByTimeAsync(1000)
    sockets[1]?.open()
    await vi.advanceTimersByTimeAsync(0)
    expect(sockets[1]?.sent[1]).toMatchObject({ t: 'sub', topic: 'mine', after: 77 })
    expect(sockets[1]?.sent[2]).toMatchObject({ t: 'sub', from: { run: RUN, game: 4096, warren: 12 } })
    expect(back).toBe(1)
  })

  it('fetches what there is when the gateway may have missed something, spread over two seconds', async () => {
    const live = build()
    let back = 0
    live.start({ event: () => {}, back: () => back++ })
    await vi.advanceTimersByTimeAsync(0)
    sockets[0]?.open()
    await vi.advanceTimersByTimeAsync(0)
    sockets[0]?.say({ t: 'back', id: 1, seq: 9 })
    await vi.advanceTimersByTimeAsync(900)
    expect(back).toBe(0)
    await vi.advanceTimersByTimeAsync(200)
    expect(back).toBe(1)
  })

  it('gives frames to the server they name', async () => {
    const live = build()
    const offsets: number[] = []
    live.watch(SERVER, sink({ frame: (f) => offsets.push(f.offset) }))
    live.start({ event: () => {}, back: () => {} })
    await vi.advanceTimersByTimeAsync(0)
    sockets[0]?.open()
    sockets[0]?.say(
      encodeFrame({ server: SERVER, run: RUN, stream: 'game', offset: 9, at: 1, bytes: new Uint8Array(1) }),
    )
    sockets[0]?.say(
      encodeFrame({ server: RUN, run: RUN, stream: 'game', offset: 10, at: 1, bytes: new Uint8Array(1) }),
    )
    expect(offsets).toEqual([9])
  })

  it('notices a line that has died without a word', async () => {
    const live = build()
    live.start({ event: () => {}, back: () => {} })
    await vi.advanceTimersByTimeAsync(0)
    sockets[0]?.open()
    await vi.advanceTimersByTimeAsync(31_000)
    expect(live.line.kind).not.toBe('open')
  })

  it('renews tickets before they end', async () => {
    const live = build()
    live.watch(SERVER, sink())
    live.start({ event: () => {}, back: () => {} })
    await vi.advanceTimersByTimeAsync(0)
    const socket = sockets[0]
    socket?.open()
    for (let s = 0; s < 19; s++) {
      await vi.advanceTimersByTimeAsync(10_000)
      socket?.say({ t: 'pong', n: 1 })
    }
    const kinds = socket?.sent.map((m) => m.t) ?? []
    expect(kinds.filter((t) => t === 'auth')).toHaveLength(2)
    expect(kinds.filter((t) => t === 'renew')).toHaveLength(1)
  })
})

describe('coming back', () => {
  it('is spread over two seconds at first and over ten at most', () => {
    expect(backoffMs(0, 1)).toBe(2000)
    expect(backoffMs(4, 0.5)).toBe(1000)
    expect(backoffMs(30, 1)).toBe(10_000)
  })
  it('renews at 60 % of a life', () => {
    expect(renewAfterMs(new Date(300_000).toISOString(), 0)).toBe(180_000)
  })
})
