// One large file up and down as streams, to a node behind NAT whose line is cut three times each way: once in silence, once
// with another address of the router, and once together with the client's own connection, which goes on by offset.
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { check, ulid, until, wait } from '../panel.mjs'
import { open, stream } from './http.mjs'

const MIB = 1 << 20
const PART = 4 * MIB
const block = randomBytes(PART)

/** Part `n` of the file; each begins with its number, so that none can stand for another. */
function part(n) {
  const bytes = Buffer.from(block)
  bytes.writeUInt32BE(n)
  return bytes
}

/** The most memory that a process has had since it was last asked to forget, MiB. */
const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5')
const memory = (pid, what) => Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

/** What happens to the line at each third; the last cut takes the client's connection with it. */
async function cuts(lab, done, size, dropped) {
  const cut = async (ms, { renumber = false, drop = false } = {}) => {
    await lab.ask('cut')
    await wait(ms)
    if (renumber) await lab.ask('renumber')
    if (drop) dropped()
    await lab.ask('heal')
  }
  await until('a quarter', 600000, () => done() >= size / 4, 5)
  await cut(1500)
  await until('a half', 600000, () => done() >= size / 2, 5)
  await cut(1000, { renumber: true })
  await until('three quarters', 600000, () => done() >= (size * 3) / 4, 5)
  check(done() < size, 'the last cut comes before the end')
  await cut(1000, { drop: true })
}

async function upload({ lab, person, server, size, path }) {
  const id = ulid()
  const ticket = async () => (await person.web.post(`/servers/${server}/ticket`)).ticket
  const address = `/transfer/${server}/uploads/${id}?path=${path}&size=${size}`
  const hash = createHash('sha256')
  for (let n = 0; n < size / PART; n++) hash.update(part(n))
  const digest = hash.digest('base64')
  let [sent, requests, current] = [0, 0, undefined]
  const cutting = cuts(lab, () => sent, size, () => current.destroy())
  let failed
  cutting.catch((error) => (failed = error))
  const resumedAt = []
  for (let from = 0; ; ) {
    if (failed) throw failed
    const headers = { 'x-warren-ticket': await ticket(), 'upload-offset': from, 'repr-digest': `sha-256=:${digest}:`, 'content-length': size - from }
    const { call, answer } = open(person.web, 'PATCH', address, headers)
    current = call
    requests += 1
    let broken = false
    // An answer before the end is a refusal.
    for (const event of ['close', 'error', 'response']) call.on(event, () => (broken = true))
    sent = from
    while (sent < size && !broken) {
      const n = Math.floor(sent / PART)
      const bytes = part(n).subarray(sent - n * PART, sent - n * PART + MIB)
      if (!call.write(bytes)) await Promise.race([once(call, 'drain'), once(call, 'close')]).catch(() => {})
      sent += bytes.length
    }
    if (!broken) call.end()
    try {
      const got = await answer
      got.resume()
      if (got.statusCode === 204) break
      check(got.statusCode >= 500, `the upload ends well: ${got.statusCode}`)
      call.destroy()
    } catch (error) {
      if (/check failed/.test(error.message)) throw error
    }
    check(requests < 20, 'an upload comes to its end')
    const far = await until('the offset', 60000, async () => {
      const head = await stream(person.web, 'HEAD', address, { 'x-warren-ticket': await ticket() })
      return head.status === 200 && { offset: Number(head.headers['upload-offset']) }
    })
    from = far.offset
    sent = from
    resumedAt.push(from)
  }
  await cutting
  return { digest, resumedAt }
}

async function download({ lab, person, server, size, path }) {
  const hash = createHash('sha256')
  let [got, current, etag, requests] = [0, undefined, undefined, 0]
  const cutting = cuts(lab, () => got, size, () => current.destroy(new Error('dropped')))
  let failed
  cutting.catch((error) => (failed = error))
  const resumedAt = []
  while (got < size) {
    if (failed) throw failed
    check(requests < 20, 'a download comes to its end')
    const { ticket } = await person.web.post(`/servers/${server}/ticket`)
    const headers = { 'x-warren-ticket': ticket, ...(got ? { range: `bytes=${got}-`, 'if-range': etag } : {}) }
    if (got) resumedAt.push(got)
    const { call, answer } = open(person.web, 'GET', `/transfer/${server}/file?path=${path}`, headers)
    call.end()
    current = call
    requests += 1
    try {
      const response = await answer
      // A node that is not back yet is asked again.
      if (response.statusCode >= 500) {
        response.resume()
        await wait(500)
        continue
      }
      check(response.statusCode === (got ? 206 : 200), `the download goes on: ${response.statusCode}`)
      etag = response.headers.etag
      for await (const bytes of response) {
        hash.update(bytes)
        got += bytes.length
      }
    } catch (error) {
      if (/check failed/.test(error.message)) throw error
    }
  }
  await cutting
  return { digest: hash.digest('base64'), resumedAt }
}

/** Gives lines. */
export async function throughCuts(world, mib) {
  const { root, pids } = world
  const size = mib * MIB
  const path = 'streams/big.bin'
  const each = (what) => Object.fromEntries(Object.entries(pids).map(([who, pid]) => [who, memory(pid, what)]))
  const before = each('VmRSS')
  for (const pid of Object.values(pids)) forgetPeak(pid)
  const clock = () => performance.now() / 1000
  let began = clock()
  const up = await upload({ ...world, size, path })
  const upTook = clock() - began
  const onDisk = createHash('sha256')
  for await (const bytes of createReadStream(`${root}/${path}`, { highWaterMark: PART })) onDisk.update(bytes)
  check(onDisk.digest('base64') === up.digest, 'what lies on the node is what was sent')
  began = clock()
  const down = await download({ ...world, size, path })
  const downTook = clock() - began
  check(down.digest === up.digest, 'what came back is what was sent')
  check(up.resumedAt.length > 0 && up.resumedAt.at(-1) > 0, 'the upload went on by offset')
  check(down.resumedAt.length > 0, 'the download went on by range')
  const peak = each('VmHWM')
  // A bound, not a goal: what a file could bring is a multiple of it.
  for (const [who, most] of Object.entries(peak)) check(most < before[who] + 128, `${who} held at most ${most.toFixed(0)} MiB, ${before[who].toFixed(0)} before`)
  const mibs = (list) => list.map((bytes) => (bytes / MIB).toFixed(1)).join(', ')
  return [
    `${mib} MiB up in ${upTook.toFixed(1)} s and down in ${downTook.toFixed(1)} s over a line that was cut three times each way, the same sha256`,
    `the client itself went on at ${mibs(up.resumedAt)} MiB up and ${mibs(down.resumedAt)} MiB down; the gateway bridged the other cuts`,
    `peak memory: ${Object.entries(peak).map(([who, most]) => `${who} ${most.toFixed(0)} MiB (${before[who].toFixed(0)} before)`).join(', ')}`,
  ]
}
