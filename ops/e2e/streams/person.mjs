// Somebody with files: an account, three proofs of who they are, and the words that clients take.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { check, Panel } from '../panel.mjs'

/** All of files; streams take a ticket of the server besides. */
export const FILES = ['websocket.connect', 'file.sftp', 'file.read', 'file.read-content', 'file.create', 'file.update', 'file.delete']
const FIRST = 'a-first-phrase-to-be-changed'
const OWN = 'a-burrow-with-many-doors'

export class Person {
  /** Makes the account with its own password, an API key and an SSH key. */
  static async make(boss, url, name, folder) {
    const { user } = await boss.post('/users', { username: name, email: `${name}@example.net`, password: FIRST })
    const web = new Panel(url, { address: '127.0.0.1' })
    await web.login(name, FIRST)
    await web.put('/account/password', { current_password: FIRST, new_password: OWN })
    await web.login(name, OWN)
    const person = Object.assign(new Person(), { id: user.id, name, web, folder, password: OWN })
    await person.makeApiKey()
    await person.makeSshKey()
    return person
  }

  async makeApiKey() {
    const { key, secret } = await this.web.post('/account/api-keys', { name: 'files' })
    this.apiKey = { id: key.id, secret }
  }

  async makeSshKey() {
    const path = `${this.folder}/${this.name}-key`
    const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', this.name, '-f', path], { input: 'y\n', encoding: 'utf8' })
    check(made.status === 0, `a key: ${made.stderr}`)
    const { id } = await this.web.post('/account/ssh-keys', { public_key: readFileSync(`${path}.pub`, 'utf8').trim(), current_password: this.password })
    this.sshKey = { id, path }
  }

  /** Learns where a server's files are, and what must be shown there. */
  async reach(server) {
    const { host, port, username, host_keys } = await this.web.get(`/servers/${server}/sftp`)
    const known = `${this.folder}/${this.name}-known_hosts`
    writeFileSync(known, host_keys.map((key) => `[${host}]:${port} ${key.public_key}\n`).join(''))
    this.place = { host, port: String(port), login: username, known, to: `${username}@${host}` }
    const asking = `${this.folder}/${this.name}-says`
    writeFileSync(asking, '#!/bin/sh\nprintf "%s\\n" "$SAID"\n', { mode: 0o700 })
    this.asking = asking
    return this.place
  }

  /** Options of ssh, sftp, scp and sshfs: only the proof that is meant, and a host that is who it should be. */
  options(proof = 'key') {
    const all = [
      'StrictHostKeyChecking=yes',
      `UserKnownHostsFile=${this.place.known}`,
      'GlobalKnownHostsFile=/dev/null',
      'IdentitiesOnly=yes',
      'IdentityAgent=none',
      'LogLevel=ERROR',
      'ConnectTimeout=15',
      'NumberOfPasswordPrompts=1',
    ]
    if (proof === 'key') all.push(`IdentityFile=${this.sshKey.path}`, 'PreferredAuthentications=publickey', 'BatchMode=yes')
    else all.push('IdentityFile=none', 'PreferredAuthentications=password', 'BatchMode=no')
    return ['-F', '/dev/null', ...all.flatMap((option) => ['-o', option])]
  }

  /** What ssh needs to be told the secret by. */
  env(proof = 'key') {
    if (proof === 'key') return {}
    return { SSH_ASKPASS: this.asking, SSH_ASKPASS_REQUIRE: 'force', SAID: this.secret(proof) }
  }

  secret(proof) {
    return proof === 'password' ? this.password : this.apiKey.secret
  }

  /** Words of ssh for an SFTP session by hand. */
  session(proof = 'key') {
    return [...this.options(proof), '-p', this.place.port, '-s', this.place.to, 'sftp']
  }

  /** Runs a batch of OpenSSH's sftp. */
  sftp(lines, proof = 'key') {
    const words = [...this.options(proof), '-P', this.place.port, '-b', '-', this.place.to]
    return spawnSync('sftp', words, { input: `${lines.join('\n')}\n`, encoding: 'utf8', cwd: this.folder, timeout: 60000, env: { ...process.env, ...this.env(proof) } })
  }
}
