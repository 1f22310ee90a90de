// A file up and down by SFTP beside the distribution's OpenSSH: the same client, cipher, file and disk, both on loopback, turn
// by turn. What is counted is what serving costs: OpenSSH's own processes there, and here all that a byte goes through, gateway,
// nats-server and agent; and beside it the gateway alone, which is the part that does what sshd does.
//   ops/bench sftp [--mib 512] [--rounds 5] [--cipher aes128-gcm@openssh.com]
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { pushGame } from '../e2e/harness.mjs'
import { check, egg, gameEgg, Instance, Panel, PASSWORD } from '../e2e/panel.mjs'
import { cpuSeconds, median, Report } from './lib/report.mjs'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, mib: { type: 'string', default: '512' }, rounds: { type: 'string', default: '5' }, cipher: { type: 'string', default: 'aes128-gcm@openssh.com' } },
})
const [mib, rounds] = ['mib', 'rounds'].map((name) => Number(options[name]))
const instance = new Instance(options.data)
const panel = await instance.panel('bench')
const boss = new Panel(instance.ready.url, { address: '127.0.0.1' })
await boss.login(instance.admin.user, PASSWORD)
const image = pushGame(instance.ready.registry)
const node = (await panel.all('/nodes'))[0].id
const { server } = await panel.post('/servers', {
  name: 'Bench SFTP',
  egg: await egg(panel, gameEgg(image)),
  node,
  variables: { GAME: '/games/echo' },
  limits: { memory_bytes: 128 << 20, swap_bytes: 0, disk_bytes: (mib * 4 + 1024) * (1 << 20), cpu_percent: 100 },
  ports: {},
  start_after_install: true,
})
await panel.state(server.id, 'running', 60000)

// On one disk both; what goes up is read from memory, and what comes down goes nowhere.
const folder = mkdtempSync(`${options.data}/reference-`)
const source = mkdtempSync('/dev/shm/warren-sftp-')
process.on('exit', () => [folder, source].forEach((path) => rmSync(path, { recursive: true, force: true })))
const file = openSync(`${source}/file`, 'w')
const block = randomBytes(1 << 20)
for (let n = 0; n < mib; n++) writeSync(file, block)
closeSync(file)

const key = (name) => {
  const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${folder}/${name}`], { encoding: 'utf8' })
  check(made.status === 0, `a key: ${made.stderr}`)
  return readFileSync(`${folder}/${name}.pub`, 'utf8').trim()
}
const mine = key('mine')
const host = key('host')
await boss.post('/account/ssh-keys', { public_key: mine, current_password: PASSWORD })

mkdirSync('/run/sshd', { recursive: true })
mkdirSync(`${folder}/files`)
writeFileSync(`${folder}/authorized_keys`, `${mine}\n`, { mode: 0o600 })
writeFileSync(
  `${folder}/sshd_config`,
  `HostKey ${folder}/host\nAuthorizedKeysFile ${folder}/authorized_keys\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nUsePAM no\nStrictModes no\nPrintMotd no\nSubsystem sftp internal-sftp -d ${folder}/files\nForceCommand internal-sftp -d ${folder}/files\n`,
)
const sshd = spawn('python3', [new URL('lib/sshd.py', import.meta.url).pathname, `${folder}/sshd_config`, '/usr/sbin/sshd'], { stdio: ['ignore', 'pipe', 'inherit'] })
process.on('exit', () => sshd.kill())
const lines = createInterface({ input: sshd.stdout })[Symbol.asyncIterator]()
const line = async () => {
  const { value, done } = await lines.next()
  if (done) throw new Error('the reference has ended')
  return JSON.parse(value)
}
const { port } = await line()
const ours = await boss.get(`/servers/${server.id}/sftp`)
writeFileSync(`${folder}/known`, [`[127.0.0.1]:${port} ${host}`, ...ours.host_keys.map((known) => `[127.0.0.1]:${ours.port} ${known.public_key}`)].join('\n'))

/** Wall seconds of one batch; asynchronous, for the reference tells its figures meanwhile. */
function sftp(to, at, batch) {
  const words = ['-F', '/dev/null', '-q']
  for (const option of [`Ciphers=${options.cipher}`, `IdentityFile=${folder}/mine`, 'IdentitiesOnly=yes', 'IdentityAgent=none', `UserKnownHostsFile=${folder}/known`, 'StrictHostKeyChecking=yes', 'Compression=no']) words.push('-o', option)
  return new Promise((done, fail) => {
    const began = performance.now()
    const child = spawn('sftp', [...words, '-P', String(at), '-b', '-', to], { stdio: ['pipe', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (text) => (said += text))
    child.on('exit', (code) => (code === 0 ? done((performance.now() - began) / 1000) : fail(new Error(`sftp ${batch}: ${said}`))))
    child.stdin.end(`${batch}\n`)
  })
}
const PARTS = ['gateway', 'nats', 'agent']
const cpu = () => PARTS.map((part) => cpuSeconds(instance.pid(part)))
const WAYS = { up: `put ${source}/file file`, down: 'get file /dev/null' }
const SIDES = {
  warren: async (batch) => {
    const before = cpu()
    const wall = await sftp(`${ours.username}@127.0.0.1`, ours.port, batch)
    const used = cpu().map((now, i) => now - before[i])
    return { wall, cpu: used.reduce((sum, one) => sum + one), parts: used }
  },
  openssh: async (batch) => {
    const wall = await sftp('root@127.0.0.1', port, batch)
    const { cpu_s } = await line()
    return { wall, cpu: cpu_s }
  },
}

/** What one core seals at most, MiB/s: the same cipher without SSH around it. */
function cipherLimit() {
  const name = { 'aes128-gcm@openssh.com': 'aes-128-gcm', 'aes256-gcm@openssh.com': 'aes-256-gcm', 'chacha20-poly1305@openssh.com': 'chacha20-poly1305' }[options.cipher]
  if (!name) return undefined
  const run = spawnSync('openssl', ['speed', '-mr', '-seconds', '1', '-bytes', '32768', '-evp', name], { encoding: 'utf8' })
  const rate = /^\+F:[^\n]*:([\d.]+)$/m.exec(run.stdout)
  check(rate, `openssl speed: ${run.stdout}${run.stderr}`)
  return Number(rate[1]) / (1 << 20)
}

const report = new Report('sftp', `${mib} MiB with ${options.cipher}, ${rounds} rounds each way, turn by turn`)
const got = {}
for (const way of Object.keys(WAYS)) for (const side of Object.keys(SIDES)) got[`${side} ${way}`] = []
const limits = []
// A round that nobody counts: caches, pages of the files, a session at the node.
for (const batch of Object.values(WAYS)) for (const run of Object.values(SIDES)) await run(batch)
check(statSync(`${folder}/files/file`).size === mib << 20, 'the reference has the file')
for (let round = 0; round < rounds; round++) {
  limits.push(cipherLimit())
  for (const [way, batch] of Object.entries(WAYS)) {
    // Who goes first changes.
    const sides = Object.keys(SIDES)
    for (const side of round % 2 ? sides.reverse() : sides) got[`${side} ${way}`].push(await SIDES[side](batch))
  }
}
const reference = "the distribution's sshd with internal-sftp"
for (const way of Object.keys(WAYS)) {
  const [here, there] = [got[`warren ${way}`], got[`openssh ${way}`]]
  const rates = (runs, of) => runs.map((run) => mib / of(run))
  report.row({ what: `${way}, per CPU-second of all that serves it (gateway, nats-server, agent)`, unit: 'MiB per CPU-second', better: 'higher', ours: rates(here, (run) => run.cpu), theirs: rates(there, (run) => run.cpu), reference, goal: 1, stretch: 1.3 })
  report.row({ what: `${way}, per CPU-second of the gateway alone`, unit: 'MiB per CPU-second', better: 'higher', ours: rates(here, (run) => run.parts[0]), theirs: rates(there, (run) => run.cpu), reference })
  report.row({ what: `${way}, per second`, unit: 'MiB/s', better: 'higher', ours: rates(here, (run) => run.wall), theirs: rates(there, (run) => run.wall), reference })
  if (limits[0]) report.row({ what: `${way}, the gateway beside the cipher alone`, unit: 'MiB per CPU-second', better: 'higher', ours: rates(here, (run) => run.parts[0]), theirs: limits, reference: 'openssl speed, one core', goal: 1 / 2 })
  report.note(`${way}: of each MiB ${PARTS.map((part, i) => `${part} ${((median(here.map((run) => run.parts[i])) * 1e6) / mib).toFixed(0)} us`).join(', ')}; OpenSSH ${((median(there.map((run) => run.cpu)) * 1e6) / mib).toFixed(0)} us`)
}
report.note('the client is OpenSSH too, on the same cores; a node elsewhere has its agent on another machine')
report.end()
await panel.delete(`/servers/${server.id}?name=${encodeURIComponent('Bench SFTP')}`)
process.exit(0)
