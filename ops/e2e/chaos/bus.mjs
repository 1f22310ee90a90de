// A consumer of events with the credential of the API: the little of the NATS protocol that it takes.
import { createPrivateKey, sign } from 'node:crypto'
import { connect } from 'node:net'
import { until, wait } from '../panel.mjs'

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

function base32(text) {
  let bits = 0
  let value = 0
  const out = []
  for (const letter of text) {
    value = (value << 5) | 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter)
    bits += 5
    if (bits < 8) continue
    out.push((value >>> (bits - 8)) & 255)
    bits -= 8
    value &= (1 << bits) - 1
  }
  return Buffer.from(out)
}

/** JWT and signing key of a `.creds` file. */
function credential(text) {
  const [jwt, seed] = [...text.matchAll(/-----BEGIN [^-]+-----\s+(\S+)/g)].map((match) => match[1])
  // Two bytes of prefix, the seed, two of checksum.
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, base32(seed).subarray(2, 34)]), format: 'der', type: 'pkcs8' })
  return { jwt, key }
}

/** Reads a consumer's durable again and again, and over every loss of the connection. */
export class Reader {
  constructor(created) {
    Object.assign(this, { created, ...credential(created.creds) })
    this.url = new URL(created.nats_urls[0])
    /** Every delivery, as it came. */
    this.came = []
    /** The same by id: what a consumer goes by. */
    this.events = new Map()
    this.connects = 0
    this.going = true
    this.loop = this.keep()
  }

  async keep() {
    while (this.going) {
      await this.session().catch((error) => (this.last = error.message))
      if (this.going) await wait(200)
    }
  }

  async session() {
    const socket = connect({ host: this.url.hostname, port: this.url.port })
    this.socket = socket
    this.rest = Buffer.alloc(0)
    const closed = new Promise((done) => socket.on('close', done).on('error', () => {}))
    socket.on('data', (bytes) => this.take(bytes))
    let pull
    this.greet = (nonce) => {
      const sig = sign(null, Buffer.from(nonce), this.key).toString('base64url')
      const hello = { verbose: false, pedantic: false, lang: 'node', version: '1', protocol: 1, headers: true, no_responders: true, jwt: this.jwt, sig }
      this.write(`CONNECT ${JSON.stringify(hello)}\r\nSUB ${this.created.inbox_prefix}.> 1\r\nPING\r\n`)
      this.connects += 1
      pull = setInterval(() => this.pull(), 300)
    }
    await closed
    clearInterval(pull)
  }

  write(text) {
    if (this.socket.writable) this.socket.write(text)
  }

  pull() {
    const body = JSON.stringify({ batch: 200, no_wait: true })
    for (const durable of this.created.durables) {
      this.write(`PUB ${this.created.api_prefix}.CONSUMER.MSG.NEXT.${this.created.stream}.${durable} ${this.created.inbox_prefix}.pull ${body.length}\r\n${body}\r\n`)
    }
  }

  take(bytes) {
    this.rest = Buffer.concat([this.rest, bytes])
    for (;;) {
      const end = this.rest.indexOf('\r\n')
      if (end === -1) return
      const words = this.rest.subarray(0, end).toString().split(' ')
      const sizes = { MSG: 1, HMSG: 2 }[words[0]]
      if (!sizes) {
        this.rest = this.rest.subarray(end + 2)
        this.word(words)
        continue
      }
      const total = Number(words.at(-1))
      if (this.rest.length < end + 4 + total) return
      const head = sizes === 2 ? Number(words.at(-2)) : 0
      const body = this.rest.subarray(end + 2 + head, end + 2 + total)
      this.rest = this.rest.subarray(end + 4 + total)
      const reply = words.length === 4 + sizes ? words[3] : undefined
      if (reply?.startsWith('$JS.ACK') && body.length) this.event(JSON.parse(body.toString()), reply)
    }
  }

  word([name, ...rest]) {
    if (name === 'INFO') {
      const { nonce } = JSON.parse(rest.join(' '))
      // Told again when a cluster changes; greeted once.
      if (nonce && this.greet) this.greet(nonce)
      this.greet = undefined
    } else if (name === 'PING') this.write('PONG\r\n')
    else if (name === '-ERR') this.last = rest.join(' ')
  }

  event(event, reply) {
    this.came.push(event)
    if (!this.events.has(event.id)) this.events.set(event.id, event)
    this.write(`PUB ${reply} 4\r\n+ACK\r\n`)
  }

  /** Waits until every event that the API knows now has come; gives those. */
  async caughtUp(panel, limitMs = 60000) {
    const all = await events(panel)
    await until('the consumer to have every event', limitMs, () => {
      const missing = all.filter(({ id }) => !this.events.has(id))
      if (missing.length === 0) return true
      throw new Error(`${missing.length} of ${all.length} missing, first ${JSON.stringify(missing[0]).slice(0, 200)}; ${this.last ?? ''}`)
    }, 200)
    return all
  }

  async end() {
    this.going = false
    this.socket?.destroy()
    await this.loop
  }
}

/** All events of the API, in their order. */
export async function events(panel, server) {
  const items = []
  for (let after = 0; after !== null; ) {
    const page = await panel.get(`/events?limit=100&after=${after}${server ? `&server=${server}` : ''}`)
    items.push(...page.items)
    after = page.items.length ? page.next : null
  }
  return items
}
