// Every option of ops/up that leads to other neighbours or other doors: a real start with each, ended by
// ops/down, which leaves nothing. Then a second start of the same data, and two instances beside each other.
//
//   node options.mjs --registry PORT [--only postgres,nats,containerd,public,address,certificate,again,two]
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openBrowser, shot } from './browser.mjs'
import { Harness, pushGame } from './harness.mjs'
import { check, egg, gameEgg, gameProcess, Instance, makeServer, until } from './panel.mjs'
import { tell } from './tale.mjs'

const { values: options } = parseArgs({ options: { registry: { type: 'string' }, only: { type: 'string' } } })
const read = (path) => readFileSync(path, 'utf8')
const source = process.env.WARREN_SOURCE_DIR
const ops = `${process.env.WARREN_BIN_DIR}/warren-ops`
const say = (text) => console.log(`  ${text}`)
const ended = []

function freePort() {
  return new Promise((done, fail) => {
    const probe = createServer().on('error', fail)
    probe.listen(0, '0.0.0.0', () => {
      const { port } = probe.address()
      probe.close(() => done(port))
    })
  })
}

/** A Warren of its own in a folder of its own. */
class Own {
  static async make() {
    const own = new Own()
    own.folder = mkdtempSync(join(tmpdir(), 'wo-'))
    own.data = join(own.folder, 'data')
    own.ports = {}
    for (const name of ['port', 'gateway-port', 'nats-port', 'agent-port']) own.ports[name] = await freePort()
    ended.push(() => own.end())
    return own
  }

  words(more) {
    return ['--detach', '--data', this.data, ...Object.entries(this.ports).flatMap(([name, port]) => [`--${name}`, `${port}`]), ...more]
  }

  run(program, words) {
    const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', timeout: 180000 })
    return { status, said: `${stdout}${stderr}` }
  }

  up(...more) {
    const { status, said } = this.run(ops, ['up', ...this.words(more)])
    check(status === 0, `up ${more.join(' ')}: ${said}`)
    this.instance = new Instance(this.data)
    return said
  }

  panel() {
    return this.instance.panel('options')
  }

  /** Ends it and looks for what stayed. */
  down() {
    const { tag } = JSON.parse(read(join(this.data, 'instance.json')))
    const { status, said } = this.run(ops, ['down', '--data', this.data, '--grace', '2'])
    check(status === 0, `down: ${said}`)
    const left = this.run(`${source}/ops/e2e/left.sh`, [tag]).said.trim()
    check(left === '', `ops/down left behind: ${left}`)
  }

  end() {
    if (existsSync(join(this.data, 'instance.json'))) this.run(ops, ['down', '--data', this.data, '--grace', '1'])
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const online = (panel) => until('the local node to be online', 20000, async () => (await panel.all('/nodes')).find((node) => node.state === 'online'))
const refusal = (call) => call.then(() => undefined, (error) => error.code)

/** Local addresses of the listening sockets on a port. */
function listening(port) {
  const { stdout } = spawnSync('ss', ['-Hltn', `sport = :${port}`], { encoding: 'utf8' })
  return stdout.trim().split('\n').filter(Boolean).map((line) => line.split(/\s+/)[3].replace(/:\d+$/, ''))
}

const tales = {
  async postgres() {
    const postgres = await Harness.start('postgres')
    ended.push(() => postgres.end())
    const own = await Own.make()
    own.up('--postgres', postgres.facts.url)
    await online(await own.panel())
    const rows = spawnSync('psql', [postgres.facts.url, '-Atc', 'select count(*) from nodes'], { encoding: 'utf8' })
    check(rows.stdout.trim() === '1', `the node is in PostgreSQL: ${rows.stdout}${rows.stderr}`)
    check(!existsSync(join(own.data, 'control/warren.db')), 'there is no SQLite file')
    own.down()
    // Keys and people are in the database too: the next start finds them.
    check(!/works once/.test(own.up('--postgres', postgres.facts.url)), 'the second start makes no second admin')
    await online(await own.panel())
    own.down()
    await postgres.end()
  },

  async nats() {
    const own = await Own.make()
    const url = `nats://127.0.0.1:${own.ports['nats-port']}`
    const { status, said } = own.run(ops, ['up', ...own.words(['--nats', url])])
    check(status !== 0 && said.includes('--nats') && said.includes(url), `what is not there is named: ${said}`)
    const conf = join(own.data, 'nats/nats.conf')
    check(existsSync(conf), 'the configuration for the servers is there')
    const server = spawn('nats-server', ['-c', conf], { stdio: 'ignore', cwd: own.folder })
    ended.push(() => server.kill('SIGKILL'))
    await until('nats-server to listen', 10000, () => listening(own.ports['nats-port']).length > 0)
    own.up('--nats', url)
    const panel = await own.panel()
    await online(panel)
    check(!existsSync(join(own.data, 'run/nats.pid')), 'no nats-server of its own runs')
    check((await refusal(panel.post('/nodes/tokens'))) === 'no_public_address', 'servers on loopback are no address for others')
    own.down()
    check(server.exitCode === null && server.signalCode === null, 'the given nats-server runs on')
    const stranger = await Own.make()
    const since = Date.now()
    const refused = stranger.run(ops, ['up', ...stranger.words(['--nats', url])])
    check(refused.status !== 0 && /authorization violation/i.test(refused.said), `servers of another Warren refuse, and it is said: ${refused.said}`)
    check(Date.now() - since < 25000, `it is said soon, not after ${Date.now() - since} ms`)
    stranger.down()
    server.kill('SIGTERM')
    await until('nats-server to end', 10000, () => server.exitCode !== null || server.signalCode !== null)
  },

  async containerd() {
    const containerd = await Harness.start('containerd')
    ended.push(() => containerd.end())
    const { socket } = containerd.facts
    const own = await Own.make()
    own.up('--containerd', socket)
    const server = await game(own)
    own.down()
    check(!gameProcess(readdirSync, read, server), 'the game has ended')
    const { tag } = JSON.parse(read(join(own.data, 'instance.json')))
    for (const what of [['containers', 'ls', '-q'], ['tasks', 'ls', '-q']]) {
      const { stdout, stderr } = spawnSync('ctr', ['-a', socket, '-n', `warren-${tag}`, ...what], { encoding: 'utf8' })
      check(stdout.trim() === '' && stderr === '', `the given containerd remembers none of our ${what[0]}: ${stdout}${stderr}`)
    }
    await containerd.end()
  },

  async public() {
    const own = await Own.make()
    const said = own.up('--public')
    check(/fingerprint:\s+([0-9A-F]{2}:){31}[0-9A-F]{2}/.test(said), `the fingerprint is printed: ${said}`)
    check(!said.includes('ssh -L'), 'nobody needs a tunnel')
    check(own.instance.ready.url.startsWith('https://'), 'it is HTTPS')
    check(listening(own.ports.port).some((address) => ['0.0.0.0', '*'].includes(address)), 'it listens on all addresses')
    for (const name of ['gateway-port', 'agent-port']) {
      check(listening(own.ports[name]).every((address) => address === '127.0.0.1'), `${name} stays on loopback`)
    }
    const panel = await own.panel()
    await online(panel)
    check((await refusal(panel.post('/nodes/tokens'))) === 'no_public_address', 'without an address there is no token for others')
    // As if it had run for years: the bus' certificate is made anew and taken over.
    const [certificate, pid] = [join(own.data, 'nats/server.pem'), own.instance.pid('nats')]
    const before = read(certificate)
    utimesSync(certificate, 0, 0)
    await until('nats-server to run with a new certificate', 30000, () => own.instance.pid('nats') !== pid && read(certificate) !== before)
    const back = Date.now()
    await until('the node to speak over it', 20000, async () => (await panel.all('/nodes')).some((node) => node.state === 'online' && Date.parse(node.last_seen_at) > back))
    own.down()
  },

  async address() {
    const own = await Own.make()
    own.up('--address', 'panel.example')
    check(listening(own.ports.port).every((address) => address === '127.0.0.1'), 'the panel stays on loopback')
    const panel = await own.panel()
    await online(panel)
    const made = await panel.post('/nodes/tokens')
    const token = JSON.parse(Buffer.from(made.token.split('_')[1], 'base64url'))
    check(token.nats_urls[0] === `tls://panel.example:${own.ports['nats-port']}`, `the token carries the address: ${token.nats_urls}`)
    check(listening(own.ports['nats-port']).some((address) => ['0.0.0.0', '*'].includes(address)), 'there the bus listens')
    check(made.install_command === null, `no line for others leads to loopback: ${made.install_command}`)
    // A proxy without TLS in front, or a LAN: whoever reads along is warned of before a password is typed.
    const { browser, page } = await openBrowser({ colorScheme: 'dark' }, ['--host-resolver-rules=MAP panel.example 127.0.0.1'])
    ended.push(() => browser.close())
    await page.goto(`http://panel.example:${own.ports.port}/login`)
    await page.getByLabel('Password', { exact: true }).waitFor()
    check(await page.getByText('This page is not encrypted').isVisible(), 'the login page warns of plain http')
    await shot(page, 'plain-http')
    await browser.close()
    own.down()
  },

  async certificate() {
    const own = await Own.make()
    const file = (name) => join(own.folder, name)
    const make = (name) =>
      own.run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '9', '-subj', `/CN=${name}`,
        '-addext', 'subjectAltName=DNS:panel.example', '-keyout', file('key.pem'), '-out', file('cert.pem')])
    const subject = () => own.run('sh', ['-c', `openssl s_client -connect 127.0.0.1:${own.ports.port} </dev/null 2>/dev/null | openssl x509 -noout -subject`]).said
    make('first')
    const said = own.up('--public', '--address', 'panel.example', '--cert', file('cert.pem'), '--key', file('key.pem'))
    check(!said.includes('self-signed'), 'nothing is said of a self-signed certificate')
    check(subject().includes('first'), `it is the one that is presented: ${subject()}`)
    const { install_command: line } = await (await own.panel()).post('/nodes/tokens')
    check(line?.startsWith('curl -fsSL https://panel.example:'), `the join line asks the authorities: ${line}`)
    make('second')
    await until('the renewed one to be presented', 15000, () => subject().includes('second'))
    own.down()
  },

  async again() {
    const own = await Own.make()
    const first = own.run(`${source}/ops/up`, own.words([]))
    check(first.status === 0 && first.said.includes('works once'), `the first start: ${first.said}`)
    own.instance = new Instance(own.data)
    const { id } = await online(await own.panel())
    own.down()
    const kept = ['control/ca.pem', 'control/gateway.creds', 'control/control.key', 'instance.json']
    const built = ['warren-ops', 'warren-control', 'warren-gateway', 'warren-agent'].map((name) => `${process.env.WARREN_BIN_DIR}/${name}`)
    built.push(`${source}/web/dist/index.html`)
    const look = () => [...kept.map((name) => read(join(own.data, name))), ...built.map((path) => statSync(path).mtimeMs)].join()
    const before = look()
    const since = Date.now()
    const second = own.run(`${source}/ops/up`, own.words([]))
    const took = (Date.now() - since) / 1000
    check(second.status === 0 && !second.said.includes('works once'), `the second start: ${second.said}`)
    check(look() === before, 'nothing was built or made again')
    check(JSON.parse(read(join(own.data, 'admin.json'))).link === undefined, 'the link that was used is not kept')
    check(took < 20, `the second start takes ${took} s`)
    const nodes = await (await own.panel()).all('/nodes')
    check(nodes.length === 1 && nodes[0].id === id, 'it is the same node')
    const asked = Date.now()
    check(own.run(`${source}/ops/up`, own.words([])).said.includes('was running already'), 'a third one finds it running')
    say(`again: the second start took ${took.toFixed(1)} s; while it runs ${((Date.now() - asked) / 1000).toFixed(1)} s`)
    own.down()
  },

  // One containerd for both, so that not even that keeps them apart.
  async two() {
    const containerd = await Harness.start('containerd')
    ended.push(() => containerd.end())
    const { socket } = containerd.facts
    const seen = []
    const all = [await Own.make(), await Own.make()]
    for (const own of all) {
      own.up('--containerd', socket)
      seen.push(await hostObjects(own, socket, await game(own)))
    }
    for (const what of Object.keys(seen[0])) {
      const [one, two] = seen.map((objects) => objects[what])
      check(one.length > 0 && two.length > 0, `both have a ${what}: ${JSON.stringify([one, two])}`)
      check(!one.some((name) => two.includes(name)), `no ${what} is shared: ${JSON.stringify([one, two])}`)
    }
    say(`two: ${Object.entries(seen[0]).map(([what, names]) => `${what} ${names[0]} / ${seen[1][what][0]}`).join(', ')}`)
    all[0].down()
    const panel = await all[1].panel()
    check((await panel.all('/servers'))[0].state === 'running', 'the end of one is nothing to the other')
    all[1].down()
    await containerd.end()
  },
}

/** A running server on the instance's own node; its id. */
async function game(own) {
  const panel = await own.panel()
  const node = await online(panel)
  const image = pushGame(options.registry)
  const server = await makeServer(panel, { name: 'Game', egg: await egg(panel, gameEgg(image)), node: node.id, variables: { GAME: '/games/echo' } })
  await panel.state(server, 'running', 60000)
  return server
}

/** All that an instance with a running game has of the machine, by listing the machine. */
async function hostObjects(own, socket, server) {
  const { tag, subnet, uid_base } = JSON.parse(read(join(own.data, 'instance.json')))
  const process = gameProcess(readdirSync, read, server).split('@')[0]
  const lines = (command, ...words) => spawnSync(command, words, { encoding: 'utf8' }).stdout.split('\n').map((line) => line.trim()).filter(Boolean)
  const ours = (names) => names.filter((name) => name.includes(tag))
  const cgroup = read(`/proc/${process}/cgroup`).split('\n').filter(Boolean).map((line) => line.split(':')[2].split('/')[1])
  const uid = Number(/^Uid:\s+(\d+)/m.exec(read(`/proc/${process}/status`))[1])
  check(uid >= uid_base && uid < uid_base + 10000, `uid ${uid} of the game is of the instance's range from ${uid_base}`)
  return {
    'cgroup parent': [...new Set(cgroup.filter((name) => name.includes('warren')))],
    'containerd namespace': ours(lines('ctr', '-a', socket, 'namespaces', 'ls', '-q')),
    'runc root': ours(readdirSync('/run').map((name) => `/run/${name}/runc`)).filter((path) => existsSync(path)),
    netns: ours(readdirSync('/run/netns')),
    // Each server's own line; there is no bridge that two instances could meet on.
    'network link': ours(lines('ip', '-br', 'link').map((line) => line.split(/[\s@]+/)[0])),
    network: lines('ip', '-4', 'route').map((line) => line.split(/\s+/)[0]).filter((to) => to.startsWith(subnet.replace(/\d+\/24$/, ''))),
    'nft table': ours(lines('nft', 'list', 'tables')),
    uid: [uid],
    'uid range': [uid_base],
  }
}

await tell('options', ended, async () => {
  for (const name of options.only?.split(',') ?? Object.keys(tales)) {
    check(tales[name], `there is a tale ${name}`)
    const since = Date.now()
    await tales[name]()
    say(`${name}: passed in ${((Date.now() - since) / 1000).toFixed(1)} s`)
  }
})
