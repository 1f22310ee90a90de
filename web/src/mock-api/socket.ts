import { encodeFrame, type Stream } from '~/live/frame'
import { CHATTER, LINES } from './console'
import { id, servers } from './data'

const RUN = id(42)
const encoder = new TextEncoder()

/** Stands in for the gateway: the same messages, from memory. */
export class MockSocket extends EventTarget {
  readyState = 0
  binaryType = 'arraybuffer'
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: (() => void) | null = null
  private ends: Record<string, number> = { game: 90_000, warren: 0, install: 0 }
  private timers: number[] = []
  private cpu = 70

  constructor(readonly url: string) {
    super()
    window.setTimeout(() => {
      this.readyState = 1
      this.onopen?.()
    }, 30)
  }

  close(): void {
    this.readyState = 3
    for (const timer of this.timers) clearInterval(timer)
    this.onclose?.()
  }

  send(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>
    if (message.t === 'sub' && message.topic === 'server')
      this.sub(Number(message.id), String(message.server))
    if (message.t === 'ping') this.say({ t: 'pong', n: message.n })
    if (message.t === 'range') return
    if (message.t === 'input') this.input(message)
  }

  private say(message: unknown): void {
    window.setTimeout(() => this.onmessage?.({ data: JSON.stringify(message) }), 5)
  }

  private write(server: string, stream: Stream, text: string, at: number): void {
    const bytes = encoder.encode(text)
    const offset = this.ends[stream] ?? 0
    this.ends[stream] = offset + bytes.length
    this.onmessage?.({ data: encodeFrame({ server, run: RUN, stream, offset, at, bytes }, 1) })
  }

  private sub(sub: number, server: string): void {
    const row = servers.find((s) => s.id === server)
    this.say({ t: 'ok', id: sub, run: RUN, ends: this.ends })
    if (row?.state !== 'running') return
    window.setTimeout(() => {
      const now = Date.now()
      for (const [second, stream, text] of LINES) {
        const at = now - second * 1000
        if (second === 163) {
          const from = this.ends.game ?? 0
          this.onmessage?.({
            data: JSON.stringify({
              t: 'gap',
              id: sub,
              run: RUN,
              stream: 'game',
              from,
              to: from + 18_637,
              reason: 'slow',
            }),
          })
          this.ends.game = from + 18_637
        }
        this.write(server, stream, stream === 'warren' ? `${at} ${text}\n` : `${text}\r\n`, at)
      }
    }, 20)
    let rx = 0
    let tx = 0
    const stats = (at: number) => {
      this.cpu = Math.max(30, this.cpu + (68 - this.cpu) * 0.15 + (Math.random() - 0.5) * 16)
      rx += 61_000 * (0.8 + Math.random() * 0.4)
      tx += 412_000 * (0.7 + Math.random() * 0.6)
      const spike = at < Date.now() - 155_000 && at > Date.now() - 185_000 ? 115 : 0
      this.onmessage?.({
        data: JSON.stringify({
          t: 'stats',
          id: sub,
          at,
          cpu_percent: this.cpu + spike,
          memory_bytes: 2.7e9 + ((at / 1000) % 110) * 1.1e7,
          memory_limit_bytes: 6 * 1024 ** 3,
          rx_bytes: rx,
          tx_bytes: tx,
          disk_bytes: at < Date.now() - 130_000 ? 8.35e9 : 8.8e9,
          pids: 42,
          uptime_ms: 740_000,
          state: 'running',
        }),
      })
    }
    window.setTimeout(() => {
      for (let back = 299; back >= 0; back--) stats(Date.now() - back * 1000)
    }, 40)
    this.timers.push(window.setInterval(() => stats(Date.now()), 1000))
    let next = 0
    const busy = new URLSearchParams(sessionStorage.getItem('warren.mock') ?? '').get('mock') === 'busy'
    this.timers.push(
      window.setInterval(
        () => {
          this.write(server, 'game', `${CHATTER[next % CHATTER.length]}\r\n`, Date.now())
          next += 1
        },
        busy ? 100 : 9000,
      ),
    )
  }

  private input(message: Record<string, unknown>): void {
    const server = servers[0]?.id ?? ''
    this.say({ t: 'input', id: message.id, req: message.req, result: 'written' })
    window.setTimeout(() => {
      this.write(server, 'game', `${String(message.line)}\r\n`, Date.now())
      this.write(server, 'game', `[Server thread/INFO]: ${message.line} done\r\n`, Date.now())
    }, 60)
  }
}
