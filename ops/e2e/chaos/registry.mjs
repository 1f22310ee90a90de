// docker-registry behind a proxy of ours that can be slow, lie or be away.
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pushGame } from '../harness.mjs'
import { check, until } from '../panel.mjs'
import { freePort } from './world.mjs'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const digest = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export class Registry {
  static async start(folder) {
    const registry = new Registry()
    registry.folder = folder
    registry.inner = await freePort()
    const conf = join(folder, 'registry.yml')
    writeFileSync(conf, `version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: ${folder}/registry}\nhttp:\n  addr: 127.0.0.1:${registry.inner}\n`)
    registry.child = spawn('docker-registry', ['serve', conf], { stdio: 'ignore' })
    await until('the registry', 20000, async () => (await fetch(registry.at('/v2/'))).ok)
    registry.port = await freePort()
    await registry.open()
    return registry
  }

  constructor() {
    /** Bytes a second of each blob; 0: as fast as it goes. */
    this.rate = 0
    /** Digest of a blob whose last byte is changed on its way. */
    this.damaged = undefined
    this.sockets = new Set()
    /** How often each path was asked for. */
    this.asked = new Map()
  }

  at(path) {
    return `http://127.0.0.1:${this.inner}${path}`
  }

  get host() {
    return `127.0.0.1:${this.port}`
  }

  open() {
    this.server = createServer((ask, answer) => this.pass(ask, answer))
    this.server.on('connection', (socket) => {
      this.sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.sockets.delete(socket))
    })
    return new Promise((done, fail) => this.server.on('error', fail).listen(this.port, '127.0.0.1', done))
  }

  /** Nobody answers any more, and what was under way is cut. */
  away() {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  pass(ask, answer) {
    this.asked.set(ask.url, (this.asked.get(ask.url) ?? 0) + 1)
    const blob = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(ask.url)?.[1]
    const call = request(this.at(ask.url), { method: ask.method, headers: { ...ask.headers, host: `127.0.0.1:${this.inner}` } }, (from) => {
      answer.writeHead(from.statusCode, from.headers)
      let left = Number(from.headers['content-length'] ?? 0)
      from.on('data', (part) => {
        left -= part.length
        if (blob && blob === this.damaged && left === 0 && ask.method === 'GET') part[part.length - 1] ^= 1
        answer.write(part)
        if (!blob || !this.rate) return
        from.pause()
        setTimeout(() => from.resume(), (part.length / this.rate) * 1000)
      })
      from.on('end', () => answer.end())
      from.on('error', () => answer.destroy())
    })
    call.on('error', () => answer.destroy())
    answer.on('close', () => call.destroy())
    ask.pipe(call)
  }

  /** The image of the misbehaving games, as seen through the proxy. */
  pushGame(repo = 'chaos/game', tag = '1') {
    pushGame(this.inner, repo, tag)
    return `${this.host}/${repo}:${tag}`
  }

  /** The same with one layer of random bytes more: `image`, and that layer's `digest`. */
  async pushBig(megabytes) {
    const repo = `chaos/big-${randomBytes(4).toString('hex')}`
    pushGame(this.inner, repo, 'base')
    const get = async (path, accept) => Buffer.from(await (await fetch(this.at(path), { headers: { accept } })).arrayBuffer())
    const manifest = JSON.parse(await get(`/v2/${repo}/manifests/base`, MANIFEST))
    const config = JSON.parse(await get(`/v2/${repo}/blobs/${manifest.config.digest}`, '*/*'))
    const tar = this.layer(megabytes)
    const layer = gzipSync(tar, { level: 1 })
    config.rootfs.diff_ids.push(digest(tar))
    delete config.history
    const bytes = Buffer.from(JSON.stringify(config))
    manifest.layers.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digest(layer), size: layer.length })
    manifest.config = { ...manifest.config, digest: digest(bytes), size: bytes.length }
    for (const blob of [layer, bytes]) await this.pushBlob(repo, blob)
    const put = await fetch(this.at(`/v2/${repo}/manifests/1`), { method: 'PUT', headers: { 'content-type': MANIFEST }, body: JSON.stringify(manifest) })
    check(put.status === 201, `the manifest is taken: ${put.status} ${await put.text()}`)
    return { image: `${this.host}/${repo}:1`, digest: digest(layer), repo }
  }

  layer(megabytes) {
    const folder = mkdtempSync(join(this.folder, 'layer-'))
    mkdirSync(`${folder}/big`)
    writeFileSync(`${folder}/big/bytes`, randomBytes(megabytes << 20))
    const { stdout, status } = spawnSync('tar', ['-C', folder, '--owner=0', '--group=0', '-c', 'big'], { maxBuffer: 1 << 30 })
    check(status === 0, 'tar makes a layer')
    rmSync(folder, { recursive: true })
    return stdout
  }

  async pushBlob(repo, blob) {
    const begun = await fetch(this.at(`/v2/${repo}/blobs/uploads/`), { method: 'POST' })
    const where = new URL(begun.headers.get('location'), this.at('/'))
    where.searchParams.set('digest', digest(blob))
    const put = await fetch(where, { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: blob })
    check(put.status === 201, `a blob is taken: ${put.status} ${await put.text()}`)
  }

  end() {
    this.away()
    this.child.kill('SIGKILL')
  }
}
