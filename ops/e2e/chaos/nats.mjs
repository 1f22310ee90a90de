// One connection to nats-server with a user's JWT and seed: the little of the protocol that the faults take.
import { createPrivateKey, sign } from 'node:crypto'
import { connect } from 'node:net'

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

/** The private key of an nkey's seed: two bytes of prefix, the seed, two of checksum. */
export function keyOf(seed) {
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, base32(seed).subarray(2, 34)]), format: 'der', type: 'pkcs8' })
}

export class Line {
  /** `onGreeted()` once the server has been told who this is; `onMessage(subject, body, reply)`. */
  constructor(url, { jwt, key, onGreeted = () => {}, onMessage = () => {} }) {
    Object.assign(this, { jwt, key, onGreeted, onMessage, rest: Buffer.alloc(0), last: undefined })
    this.socket = connect({ host: url.hostname, port: url.port })
    this.socket.setNoDelay(true)
    this.closed = new Promise((done) => this.socket.on('close', done).on('error', (error) => (this.last = error.message)))
    this.socket.on('data', (bytes) => this.take(bytes))
  }

  write(text) {
    if (this.socket.writable) this.socket.write(text)
  }

  subscribe(subject, id = 1) {
    this.write(`SUB ${subject} ${id}\r\n`)
  }

  /** Gives what waits in this process to be sent, bytes. */
  publish(subject, reply, body) {
    this.write(`PUB ${subject} ${reply ? `${reply} ` : ''}${body.length}\r\n`)
    this.write(body)
    this.write('\r\n')
    return this.socket.writableLength
  }

  take(bytes) {
    this.rest = this.rest.length ? Buffer.concat([this.rest, bytes]) : bytes
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
      this.onMessage(words[1], body, words.length === 4 + sizes ? words[3] : undefined)
    }
  }

  word([name, ...rest]) {
    if (name === 'INFO') {
      const { nonce } = JSON.parse(rest.join(' '))
      // Told again when a cluster changes; greeted once.
      if (nonce && !this.greeted) this.greet(nonce)
    } else if (name === 'PING') this.write('PONG\r\n')
    else if (name === '-ERR') this.last = rest.join(' ')
  }

  greet(nonce) {
    this.greeted = true
    const sig = sign(null, Buffer.from(nonce), this.key).toString('base64url')
    const hello = { verbose: false, pedantic: false, lang: 'node', version: '1', protocol: 1, headers: true, no_responders: true, jwt: this.jwt, sig }
    this.write(`CONNECT ${JSON.stringify(hello)}\r\n`)
    this.onGreeted()
    this.write('PING\r\n')
  }

  end() {
    this.socket.destroy()
  }
}
