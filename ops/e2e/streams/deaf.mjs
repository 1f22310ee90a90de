// Clients that have logged in, ask without end and never listen: what the gateway holds for them.
import { readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { check, until } from '../panel.mjs'
import { INIT, number, packet } from './raw.mjs'

const resident = (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

/** Malformed questions, unknown ones, long paths and handles of nobody, for as long as they are taken. */
export async function deafClients({ person, pids: { gateway } }, clients = 4) {
  const before = resident(gateway)
  const many = (one) => Buffer.concat(Array.from({ length: Math.ceil(16384 / one.length) }, () => one))
  const floods = [
    many(packet(17, number(1), number(0xffffffff))),
    many(packet(250, number(1))),
    many(packet(16, number(1), `/${'a/'.repeat(4000)}`)),
    many(packet(4, number(1), number(4), number(77))),
  ]
  const children = Array.from({ length: clients }, (_, i) => {
    const child = spawn('ssh', person.session(), { stdio: ['pipe', 'pipe', 'ignore'] })
    // Nobody reads its stdout.
    const state = { child, said: 0, at: performance.now() }
    child.stdin.on('error', () => {})
    child.stdin.write(INIT)
    const say = () => {
      while (child.stdin.writable && child.stdin.write(floods[i % floods.length]));
      child.stdin.once('drain', say)
    }
    say()
    return state
  })
  // What has left for ssh, and when that last was more than before.
  const look = (state) => {
    const said = state.child.stdin.bytesWritten - state.child.stdin.writableLength
    if (said > state.said) Object.assign(state, { said, at: performance.now() })
  }
  let most = before
  await until('all of them to be stuck', 60000, () => {
    most = Math.max(most, resident(gateway))
    children.forEach(look)
    return children.every((state) => performance.now() - state.at > 2000)
  })
  for (const { child } of children) child.kill()
  const said = children.map((state) => (state.said / (1 << 20)).toFixed(1)).join(', ')
  check(most < before + 24 * clients, `${clients} deaf clients cost ${(most - before).toFixed(0)} MiB`)
  return `${clients} clients that ask and never listen were stuck after ${said} MiB of questions; the gateway took ${(most - before).toFixed(0)} MiB more`
}
