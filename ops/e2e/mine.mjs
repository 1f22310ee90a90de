// The stream of a person's own events over one WebSocket.
export class Mine {
  static async open(panel) {
    const { ticket } = await panel.post('/tickets/mine')
    const socket = new WebSocket(`${panel.url.protocol === 'https:' ? 'wss' : 'ws'}://${panel.url.host}/ws`, { headers: { origin: panel.url.origin } })
    const mine = new Mine(socket)
    await new Promise((done, fail) => {
      socket.addEventListener('open', done, { once: true })
      socket.addEventListener('error', () => fail(new Error('the socket did not open')), { once: true })
    })
    socket.send(JSON.stringify({ t: 'auth', ticket }))
    socket.send(JSON.stringify({ t: 'sub', id: 1, topic: 'mine' }))
    return mine
  }

  constructor(socket) {
    this.socket = socket
    this.waiting = []
    socket.addEventListener('message', ({ data }) => {
      if (typeof data !== 'string') return
      const message = JSON.parse(data)
      if (message.t !== 'event') return
      this.waiting = this.waiting.filter(({ wants, done }) => !wants(message.event) || done(message.event))
    })
  }

  /** The next event that `wants` accepts, within 30 s. */
  next(wants) {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error('the event did not come within 30 s')), 30000)
      this.waiting.push({ wants, done: (event) => void (clearTimeout(timer), done(event)) })
    })
  }

  close() {
    this.socket.close()
  }
}
