// A console viewer as a browser is one: it keeps (run, offset), comes back by it, refetches holes, and
// hands on every byte exactly once and in order.
import { createHash } from 'node:crypto'
import { wait } from './panel.mjs'

// The frame's head: kind, stream, server id, run id, offset, time (docs: gateway/src).
const LAYOUT = { kind: 0, stream: 1, server: 2, run: 28, offset: 54, at: 62, data: 70 }

export class Viewer {
  /** `onBytes(run, bytes)` sees the game's stream from offset 0 of the run that runs now. */
  constructor(panel, server, onBytes = () => {}) {
    this.panel = panel
    this.server = server
    this.onBytes = onBytes
    this.run = undefined
    this.at = 0
    this.hash = createHash('sha256')
    this.held = new Map()
    this.connects = 0
    this.gaps = []
    this.notices = []
    this.open = false
    this.ended = false
    this.loop = this.keep()
  }

  async keep() {
    while (!this.ended) {
      try {
        await this.connect()
      } catch (error) {
        this.last = error.message
      }
      this.open = false
      if (!this.ended) await wait(100 + Math.random() * 400)
    }
  }

  async connect() {
    const mine = await this.panel.post('/tickets/mine')
    const { ticket } = await this.panel.post(`/servers/${this.server}/ticket`)
    const url = `${this.panel.url.protocol === 'https:' ? 'wss' : 'ws'}://${this.panel.url.host}/ws`
    // Control takes no WebSocket without an origin, as every browser sends one.
    const socket = new WebSocket(url, { headers: { origin: this.panel.url.origin } })
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    const closed = new Promise((done) => socket.addEventListener('close', done, { once: true }))
    await new Promise((done, fail) => {
      socket.addEventListener('open', done, { once: true })
      socket.addEventListener('error', () => fail(new Error('the socket did not open')), { once: true })
    })
    this.connects += 1
    this.held.clear()
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.onText(JSON.parse(data))
      else this.onFrame(Buffer.from(data))
    })
    socket.send(JSON.stringify({ t: 'auth', ticket: mine.ticket }))
    const from = this.run ? { run: this.run, game: this.at, warren: 0 } : undefined
    socket.send(JSON.stringify({ t: 'sub', id: 1, topic: 'server', server: this.server, ticket, from, tail_bytes: 65536 }))
    // Dead lines say nothing: the browser asks, and gives up on silence.
    let pong = Date.now()
    this.onPong = () => (pong = Date.now())
    const ping = setInterval(() => {
      if (Date.now() - pong > 6000) socket.close()
      else if (socket.readyState === 1) socket.send(JSON.stringify({ t: 'ping', n: 1 }))
    }, 1000)
    const renew = setInterval(async () => {
      try {
        const fresh = await this.panel.post(`/servers/${this.server}/ticket`)
        if (socket.readyState === 1) socket.send(JSON.stringify({ t: 'renew', id: 1, ticket: fresh.ticket }))
      } catch {
        // Control is away; the next try comes in time.
      }
    }, 60000)
    await closed
    clearInterval(ping)
    clearInterval(renew)
  }

  onText(message) {
    if (message.t === 'pong') this.onPong()
    else if (message.t === 'ok') {
      this.open = true
      if (this.run === undefined) {
        this.run = message.run
        // All of the run, not only its tail.
        this.askRange(0, message.ends.game)
      } else this.askHole(message.ends.game)
    } else if (message.t === 'gap' && message.stream === 'game') {
      if (message.reason === 'slow' || message.reason === 'away') this.askRange(message.from, message.to)
      else this.gaps.push(message)
    } else if (message.t === 'stats' && message.ends?.run === this.run) this.askHole(message.ends.game)
    else if (message.t === 'end' || message.t === 'error') {
      this.notices.push(message)
      if (message.t === 'end') this.socket.close()
    }
  }

  /** A range is asked for when bytes up to `end` exist that have not come for a second. */
  askHole(end) {
    if (end > this.at && Date.now() - (this.asked ?? 0) > 1000) this.askRange(this.at, end)
  }

  askRange(from, to) {
    if (to <= from || this.socket.readyState !== 1) return
    this.asked = Date.now()
    this.socket.send(JSON.stringify({ t: 'range', id: 1, req: 1, run: this.run, stream: 'game', from: Math.max(from, this.at), to }))
  }

  onFrame(frame) {
    if (frame.length < LAYOUT.data || frame[LAYOUT.stream] !== 0) return
    const run = frame.toString('ascii', LAYOUT.run, LAYOUT.run + 26)
    if (this.run !== undefined && run !== this.run) return
    const offset = Number(frame.readBigUInt64LE(LAYOUT.offset))
    this.take(offset, frame.subarray(LAYOUT.data))
  }

  take(offset, bytes) {
    if (offset + bytes.length <= this.at) return
    if (offset > this.at) {
      const old = this.held.get(offset)
      if (!old || old.length < bytes.length) this.held.set(offset, bytes)
      this.askHole(offset)
      return
    }
    const fresh = bytes.subarray(this.at - offset)
    this.at += fresh.length
    this.hash.update(fresh)
    this.onBytes(fresh)
    for (const [start, held] of [...this.held].sort((a, b) => a[0] - b[0])) {
      if (start > this.at) break
      this.held.delete(start)
      if (start + held.length > this.at) this.take(start, held)
    }
  }

  async end() {
    this.ended = true
    this.socket?.close()
    await this.loop
  }
}
