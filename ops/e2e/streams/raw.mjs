// SFTP by hand over `ssh -s`: for what no client says, and for clocks that no client shows.
import { spawn } from 'node:child_process'

const string = (bytes) => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(bytes.length)
  return Buffer.concat([head, bytes])
}

/** One packet. */
export const packet = (kind, ...rest) => string(Buffer.concat([Buffer.from([kind]), ...rest.map((part) => (typeof part === 'string' ? string(Buffer.from(part)) : part))]))
export const number = (n) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(n)
  return bytes
}
export const INIT = packet(1, number(3))

/** A session that asks one thing after another; `ended` is when its connection did. */
export class RawSftp {
  constructor(words, env = {}) {
    this.child = spawn('ssh', words, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.child.stdin.on('error', () => {})
    this.said = ''
    this.child.stderr.on('data', (text) => (this.said += text))
    this.left = Buffer.alloc(0)
    this.waiting = []
    this.child.stdout.on('data', (bytes) => this.take(bytes))
    this.gone = new Promise((done) =>
      this.child.on('exit', () => {
        this.ended = performance.now()
        for (const { fail } of this.waiting.splice(0)) fail(new Error(`the session has ended: ${this.said}`))
        done()
      }),
    )
  }

  take(bytes) {
    this.left = Buffer.concat([this.left, bytes])
    while (this.left.length >= 4 && this.left.length >= 4 + this.left.readUInt32BE()) {
      const length = this.left.readUInt32BE()
      const body = this.left.subarray(4, 4 + length)
      this.left = this.left.subarray(4 + length)
      this.waiting.shift()?.done(body)
    }
  }

  ask(bytes) {
    if (this.ended) return Promise.reject(new Error(`the session has ended: ${this.said}`))
    return new Promise((done, fail) => {
      this.waiting.push({ done, fail })
      this.child.stdin.write(bytes)
    })
  }

  async begin() {
    const answer = await this.ask(INIT)
    if (answer[0] !== 2) throw new Error(`no version came but ${answer[0]}`)
  }

  /** Whether a path can be looked at now. */
  async stat(path) {
    const answer = await this.ask(packet(17, number(1), path))
    return answer[0] === 105
  }

  end() {
    this.child.kill()
  }
}
