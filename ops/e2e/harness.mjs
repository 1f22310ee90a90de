// Talks to `warren-harness`, which keeps a network lab or a containerd for as long as its stdin is open.
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

const BINARY = `${process.env.WARREN_BIN_DIR}/warren-harness`

export class Harness {
  static async start(kind) {
    const child = spawn(BINARY, [kind], { stdio: ['pipe', 'pipe', 'inherit'] })
    const harness = new Harness(child)
    harness.facts = await harness.line()
    return harness
  }

  constructor(child) {
    this.child = child
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  async line() {
    const { value, done } = await this.lines.next()
    if (done) throw new Error('warren-harness ended')
    return JSON.parse(value)
  }

  async ask(word) {
    this.child.stdin.write(`${word}\n`)
    const answer = await this.line()
    if (answer.error) throw new Error(`${word}: ${answer.error}`)
    return answer
  }

  async end() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.stdin.end()
    await new Promise((done) => this.child.once('exit', done))
  }
}

/** Pushes the image of the misbehaving games; gives its reference. */
export function pushGame(port, repo = 'warren-e2e/game', tag = '1') {
  const run = spawnSync(BINARY, ['push-game', String(port), repo, tag], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`push-game: ${run.stderr}`)
  return JSON.parse(run.stdout).image
}
