// People at a console whose gateway is there and whose control is not: lines typed over the WebSocket, no faster
// than one connection may.
import { check, until, wait } from '../panel.mjs'

/** Below what the gateway takes of one connection, messages a second. */
const PER_SECOND = 45

/** What `Typist.open` needs, for five minutes. */
export async function tickets(panel, server) {
  const mine = await panel.post('/tickets/mine')
  return { server, mine: mine.ticket, of: (await panel.post(`/servers/${server}/ticket`)).ticket }
}

export class Typist {
  /** Comes to the gateway itself, as through any proxy that is not control. */
  static async open(port, { server, mine, of }) {
    const typist = new Typist()
    const host = `127.0.0.1:${port}`
    typist.socket = new WebSocket(`ws://${host}/ws`, { headers: { origin: `http://${host}` } })
    typist.socket.addEventListener('message', ({ data }) => typeof data === 'string' && typist.heard(JSON.parse(data)))
    typist.socket.addEventListener('close', ({ code, reason }) => (typist.closed ??= `${code} ${reason}`))
    await until('the gateway to be reached', 10000, () => typist.socket.readyState === 1)
    typist.say({ t: 'auth', ticket: mine })
    typist.say({ t: 'sub', id: 1, topic: 'server', server, ticket: of, tail_bytes: 0 })
    await until('the console to be open', 20000, () => {
      check(!typist.closed, `it is not closed: ${typist.closed}`)
      return typist.subscribed
    })
    return typist
  }

  constructor() {
    /** Results by the number of the line. */
    this.results = new Map()
  }

  say(message) {
    this.socket.send(JSON.stringify(message))
  }

  heard(message) {
    if (message.t === 'ok') this.subscribed = true
    else if (message.t === 'input') this.results.set(message.req, message.result)
    else if (message.t === 'end' || message.t === 'error') this.closed ??= JSON.stringify(message)
  }

  /** Types each of `[number, line]`, and waits for the last answer. */
  async type(lines) {
    const began = Date.now()
    let sent = 0
    for (const [req, line] of lines) {
      check(!this.closed, `the console stays open: ${this.closed}`)
      this.say({ t: 'input', id: 1, req, line })
      sent += 1
      await wait(Math.max(0, began + (sent * 1000) / PER_SECOND - Date.now()))
    }
    await until('every line to be answered', 20000, () => lines.every(([req]) => this.results.has(req)))
  }

  end() {
    this.socket.close()
  }
}
