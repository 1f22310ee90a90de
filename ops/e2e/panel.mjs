// The REST API as the scripts use it, and small helpers around it.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

export const wait = (ms) => new Promise((done) => setTimeout(done, ms))

/** Calls `probe` until it gives something, at most `limitMs`; the error names `what` and the last answer. */
export async function until(what, limitMs, probe, everyMs = 100) {
  const start = Date.now()
  let last
  for (;;) {
    try {
      last = await probe()
      if (last) return last
    } catch (error) {
      last = error.message
    }
    if (Date.now() - start > limitMs) throw new Error(`waited ${limitMs} ms in vain for ${what}; last: ${JSON.stringify(last)}`)
    await wait(everyMs)
  }
}

/** A new id as the API takes it: 48 bits of time, 80 of chance. */
export function ulid() {
  const digits = '0123456789abcdefghjkmnpqrstvwxyz'
  let time = ''
  for (let rest = Date.now(), n = 0; n < 10; n++, rest = Math.floor(rest / 32)) time = digits[rest % 32] + time
  return time + [...randomBytes(16)].map((byte) => digits[byte % 32]).join('')
}

export function check(condition, text) {
  if (!condition) throw new Error(`check failed: ${text}`)
}

export class Problem extends Error {
  constructor(status, body, shown) {
    super(`${shown} answered ${status}: ${body?.code ?? ''} ${body?.detail ?? body?.title ?? ''}`)
    this.status = status
    this.code = body?.code
  }
}

/** A person or a key at the panel. Certificates are not checked: the scripts speak to their own machine. */
export class Panel {
  constructor(url, { key, address } = {}) {
    this.url = new URL(url)
    this.key = key
    // Where to connect when the URL's host is not this machine's name for itself.
    this.address = address ?? this.url.hostname
    this.cookie = undefined
  }

  async login(login, password) {
    await this.post('/session', { login, password })
  }

  get(path) {
    return this.call('GET', path)
  }
  post(path, body = {}) {
    return this.call('POST', path, body)
  }
  patch(path, body) {
    return this.call('PATCH', path, body)
  }
  put(path, body) {
    return this.call('PUT', path, body)
  }
  delete(path) {
    return this.call('DELETE', path)
  }

  async call(method, path, body) {
    const { status, type, text } = await this.raw(method, `/api/v1${path}`, body)
    const value = /json/.test(type) ? JSON.parse(text) : text
    if (status >= 400) throw new Problem(status, value, `${method} ${path}`)
    return value
  }

  raw(method, path, body, limitMs = 15000) {
    const secure = this.url.protocol === 'https:'
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers = { accept: 'application/json', host: this.url.host }
    if (payload !== undefined) headers['content-type'] = 'application/json'
    if (this.key) headers.authorization = `Bearer ${this.key}`
    else if (this.cookie) {
      headers.cookie = this.cookie
      headers.origin = this.url.origin
      headers['sec-fetch-site'] = 'same-origin'
    }
    return new Promise((done, fail) => {
      const call = (secure ? httpsRequest : httpRequest)(
        { host: this.address, port: this.url.port, method, path, headers, rejectUnauthorized: false, agent: false },
        (answer) => {
          const cookie = answer.headers['set-cookie']?.[0]
          if (cookie) this.cookie = cookie.split(';')[0]
          const parts = []
          answer.on('data', (part) => parts.push(part))
          answer.on('error', fail)
          answer.on('end', () => {
            const bytes = Buffer.concat(parts)
            done({ status: answer.statusCode, type: answer.headers['content-type'] ?? '', bytes, text: bytes.toString() })
          })
        },
      )
      call.setTimeout(limitMs, () => call.destroy(new Error(`${method} ${path} took longer than ${limitMs} ms`)))
      call.on('error', fail)
      call.end(payload)
    })
  }

  async all(path) {
    const items = []
    let cursor
    do {
      const page = await this.get(`${path}${path.includes('?') ? '&' : '?'}limit=100${cursor ? `&cursor=${cursor}` : ''}`)
      items.push(...page.items)
      cursor = page.next
    } while (cursor)
    return items
  }

  server(id) {
    return this.get(`/servers/${id}`)
  }

  state(id, state, limitMs) {
    return until(`server ${id} to be ${state}`, limitMs, async () => {
      const server = await this.server(id)
      if (server.state === state && !server.operation) return server
      if (server.install?.result === 'failed' && state === 'running') throw new Error(`install failed: ${server.install.message}`)
      return undefined
    })
  }
}

/** An instance of `ops/up` by its data folder: its URL, pids and a panel with a fresh API key. */
export class Instance {
  constructor(data) {
    this.data = data
    this.admin = JSON.parse(readFileSync(`${data}/admin.json`, 'utf8'))
    this.ready = JSON.parse(readFileSync(`${data}/run/ready.json`, 'utf8'))
    this.claim = JSON.parse(readFileSync(`${data}/instance.json`, 'utf8'))
  }

  /** What the one-time link of the set-up holds; undefined once somebody has used it and Warren was started again. */
  get setUpToken() {
    return this.admin.link?.split('#token=')[1]
  }

  pid(part) {
    return Number(readFileSync(`${this.data}/run/${part}.pid`, 'utf8'))
  }

  /** Logs in (setting the password by the one-time link the first time) and makes an API key for a script. */
  async panel(name, password = PASSWORD) {
    const person = new Panel(this.ready.url, { address: '127.0.0.1' })
    try {
      await person.login(this.admin.user, password)
    } catch (error) {
      if (error.status !== 401) throw error
      await person.put('/password-links', { token: this.setUpToken, new_password: password })
      await person.login(this.admin.user, password)
    }
    const { secret } = await person.post('/account/api-keys', { name })
    return new Panel(this.ready.url, { key: secret, address: '127.0.0.1' })
  }
}

/** The admin's password once the story has changed the first one. */
export const PASSWORD = process.env.WARREN_E2E_PASSWORD ?? 'a-long-story-about-rabbits'

/** Imports an egg unless one of its name is there. */
export async function egg(panel, body) {
  const there = (await panel.all('/eggs')).find((item) => item.name === body.name)
  return there?.id ?? (await panel.post('/eggs/import', body)).egg.id
}

/** An egg whose STARTUP is one of the misbehaving games of the harness. */
export const gameEgg = (image, { name = 'Misbehaving game', features = null } = {}) => ({
  meta: { version: 'PTDL_v2', update_url: null },
  name,
  author: 'tests@warren.invalid',
  description: 'Prints, answers and crashes on command.',
  features,
  docker_images: { busybox: image },
  file_denylist: [],
  startup: '{{GAME}}',
  config: { files: '{}', startup: '{"done": "ready"}', logs: '{}', stop: 'stop' },
  scripts: { installation: { script: '#!/bin/sh\necho installed >/mnt/server/installed\n', container: image, entrypoint: 'sh' } },
  variables: [
    { name: 'Game', description: 'Which one', env_variable: 'GAME', default_value: '/games/echo', user_viewable: true, user_editable: true, rules: 'required|string', field_type: 'text' },
  ],
})

export async function makeServer(panel, { name, egg: eggId, node, variables, memory = 128 << 20 }) {
  const { server } = await panel.post('/servers', {
    name,
    egg: eggId,
    node,
    variables,
    limits: { memory_bytes: memory, swap_bytes: 0, disk_bytes: 1 << 30, cpu_percent: 100 },
    ports: {},
    start_after_install: true,
  })
  return server.id
}

/** Pid and start time of the first process of a server's container, found by its cgroup. */
export function gameProcess(readdir, read, server) {
  for (const pid of readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      if (!read(`/proc/${pid}/cgroup`).includes(server)) continue
      const inside = /^NSpid:.*\s(\d+)$/m.exec(read(`/proc/${pid}/status`))
      if (inside?.[1] !== '1') continue
      const stat = read(`/proc/${pid}/stat`)
      return `${pid}@${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
    } catch {
      // It ended while we looked.
    }
  }
  return undefined
}
