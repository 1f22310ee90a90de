// A second machine behind NAT joins with the one line of the panel and does everything; nothing can reach
// it. Then its line is cut without a word, games crash meanwhile, wanted changes pile up, the router gets
// another address, and everything arrives once.
//
//   node nat.mjs --up "COMMAND THAT STARTS A PANEL" --data DIR [--cut-s 60]
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { farMachine, inClient, publicPanel } from './far.mjs'
import { Joining } from './joining.mjs'
import { check, egg, gameEgg, gameProcess, makeServer, PASSWORD, until, wait } from './panel.mjs'
import { Viewer } from './viewer.mjs'
import { tell } from './tale.mjs'

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    port: { type: 'string' },
    'gateway-port': { type: 'string' },
    'nats-port': { type: 'string' },
    'agent-port': { type: 'string' },
    'cut-s': { type: 'string', default: '60' },
  },
})
const read = (path) => readFileSync(path, 'utf8')
const source = process.env.WARREN_SOURCE_DIR
const ended = []
const say = (text) => console.log(`  ${text}`)

/** Whether a TCP connection from here to there comes about within two seconds. */
const reaches = (host, port) =>
  new Promise((done) => {
    const socket = connect({ host, port, timeout: 2000 })
    socket.on('connect', () => done(true) ?? socket.destroy())
    socket.on('timeout', () => done(false) ?? socket.destroy())
    socket.on('error', () => done(false))
  })

/** Warren's own lines in a server's console. */
async function ownLines(panel, server) {
  const { chunks } = await panel.get(`/servers/${server}/console?stream=warren&from=0`)
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk.data, 'base64'))).toString()
}
const limitLines = (text) => text.split('the new limits are in force').length - 1

/** What the kernel lets the process's cgroup have, in bytes. */
function memoryLimit(pid) {
  const rows = read(`/proc/${pid}/cgroup`).trim().split('\n').map((line) => line.split(':'))
  const v1 = rows.find(([, kinds]) => kinds.split(',').includes('memory'))
  const unified = rows.find(([number]) => number === '0')
  return Number(read(v1 ? `/sys/fs/cgroup/memory${v1[2]}/memory.limit_in_bytes` : `/sys/fs/cgroup${unified[2]}/memory.max`))
}

/** Kinds of the facts about a server that carry a generation above `low` and below `high`. */
function factsBetween(instance, server, low, high) {
  const ask = 'import sqlite3, sys\ndb = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)\nprint(*db.execute("select kind, generation from facts where server_id = ? and generation > ? and generation < ?", (sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))'
  const run = spawnSync('python3', ['-c', ask, `${instance.data}/control/warren.db`, server, `${low}`, `${high}`], { encoding: 'utf8' })
  check(run.status === 0, `the facts can be read: ${run.stderr}`)
  return run.stdout.trim()
}

async function main() {
  const { lab, instance, said } = await publicPanel(options, ended)
  const { client } = lab.facts
  say(`network: panel at ${lab.facts.hub}, node in ${client} behind NAT at ${lab.facts.public}`)
  check(/fingerprint/.test(said), 'the fingerprint of the certificate is printed')
  const panel = await instance.panel('nat')
  const machine = await farMachine(client, ended)
  const { files, image: pushed } = machine

  const person = await Joining.open(instance.ready.url, instance.admin.user, PASSWORD)
  ended.push(() => person.browser.close())
  say(`an empty panel offers ${await person.takeStarter()} starter eggs`)
  const local = (await panel.all('/nodes')).map((item) => item.id)
  const line = await person.makeCommand()
  const token = /wjoin_\S+$/.exec(line)[0]
  check(line.includes('install.sh') && line.includes('--pinnedpubkey'), `the dialog's line names the script and whose key it must be: ${line}`)
  const env = {
    WARREN_BINARY: `${files}/warren-agent`,
    WARREN_CONFIG: machine.config,
    WARREN_DATA: `${files}/data`,
    WARREN_CONTAINERD: machine.containerd.socket,
  }
  const before = Date.now()
  const joined = inClient(client, 'sh', ['-c', line], env)
  ended.push(() => inClient(client, 'sh', ['-c', `kill $(cat ${files}/data/supervisor.pid)`]))
  check(joined.status === 0, `the one line works: ${joined.stdout}${joined.stderr}`)
  await person.turnsGreen()
  const node = await until('the node in the list', 20000, async () => (await panel.all('/nodes')).find((n) => n.state === 'online' && n.host.agent_version && n.id !== local[0]))
  say(`joined with one line, the dialog turned green, online after ${Date.now() - before} ms`)
  const again = inClient(client, 'sh', ['-c', line.replace(token, '')], env)
  check(again.status === 0, `the script runs again without harm: ${again.stdout}${again.stderr}`)

  await person.revoke(await panel.get(`/nodes/${local[0]}`), panel)
  await person.end()
  say('the key of the local node was revoked by clicking')

  // All of it works: install, start, type, watch.
  const eggId = await egg(panel, gameEgg(pushed))
  const stamp = Date.now().toString(36)
  const lines = await makeServer(panel, { name: `Far lines ${stamp}`, egg: eggId, node: node.id, variables: { GAME: '/games/lines 100' } })
  await panel.state(lines, 'running', 60000)
  let text = ''
  const viewer = new Viewer(panel, lines, (bytes) => (text += bytes.toString('latin1')))
  await until('the console', 15000, () => text.includes('line 0000'))
  check((await panel.post(`/servers/${lines}/input`, { line: 'hello from afar' })).result === 'written', 'input is written')
  await until('the answer in the console', 10000, () => text.includes('got: hello from afar'))
  const listing = await panel.get(`/servers/${lines}/files?path=/`)
  check(listing.items.some((item) => item.name === 'installed'), 'files can be listed')
  say('a server was installed, started, typed to and browsed behind NAT')

  for (const inward of [22, 80, 8080, 4222, 25565]) check(!(await reaches(lab.facts.public, inward)), `nothing answers at ${lab.facts.public}:${inward}`)
  const { listening } = await lab.ask('listening')
  const ours = listening.filter((row) => /warren|agent/.test(row))
  check(ours.length === 0, `no socket of ours listens on the node: ${ours.join('\n')}`)
  say(`inward attempts failed; listening there: ${listening.length} socket(s), none of ours`)

  // A server that crashes by itself every few seconds is restarted by the agent alone.
  const crashing = await makeServer(panel, { name: `Far crash ${stamp}`, egg: eggId, node: node.id, variables: { GAME: '/games/crash 3 8' } })
  await panel.patch(`/servers/${crashing}`, { crash_policy: { restart: true, max_restarts: 1000, window_s: 60, clean_exit_is_crash: true } })
  await until('the crashing server to run', 60000, async () => ['running', 'starting'].includes((await panel.server(crashing)).state))

  let inForce = 0
  for (const renumber of [false, true]) {
    const runsBefore = (await panel.all(`/servers/${crashing}/runs`)).length
    const process = gameProcess(readdirSync, read, lines)
    await lab.ask('cut')
    const cut = Date.now()
    await until('the cut to be noticed', 20000, async () => (await panel.get(`/nodes/${node.id}`)).state === 'offline', 200)
    say(`cut noticed after ${Date.now() - cut} ms${renumber ? ', router to be renumbered' : ''}`)
    const before = await panel.server(lines)
    const wanted = (renumber ? 208 : 224) << 20
    for (const [action, memory_bytes] of [['stop', 160 << 20], ['start', 192 << 20], ['stop', 176 << 20], ['start', wanted]]) {
      await panel.post(`/servers/${lines}/power`, { action })
      await panel.patch(`/servers/${lines}`, { limits: { ...before.limits, memory_bytes } })
    }
    await wait(Math.max(0, Number(options['cut-s']) * 1000 - (Date.now() - cut)))
    const atCut = viewer.at
    if (renumber) await lab.ask('renumber')
    await lab.ask('heal')
    const healed = Date.now()
    await until('the node to be back', 30000, async () => (await panel.get(`/nodes/${node.id}`)).state === 'online', 100)
    say(`back ${Date.now() - healed} ms after the line was`)
    await until('the latest wanted change to be applied', 30000, async () => (await panel.server(lines)).applied)
    check(gameProcess(readdirSync, read, lines) === process, 'no stop from meanwhile was carried out: the game kept its process')
    const { generation } = await panel.server(lines)
    check(generation === before.generation + 8, `eight changes were made meanwhile (${generation - before.generation})`)
    inForce += 1
    await until('the new limits in the console', 15000, async () => limitLines(await ownLines(panel, lines)) >= inForce)
    const limit = memoryLimit(process.split('@')[0])
    check(limit >= wanted && limit <= wanted * 1.2, `the game has the last limit, ${wanted}, and its head-room: ${limit}`)
    await until('the missed console', 30000, () => viewer.at > atCut + 100)
    const runs = await until('the crashes that happened meanwhile', 30000, async () => {
      const now = await panel.all(`/servers/${crashing}/runs`)
      return now.length >= runsBefore + Math.floor(Number(options['cut-s']) / 20) && now
    })
    check(new Set(runs.map((run) => run.id)).size === runs.length, 'each run is there once')
    // Each limit that is put in force is one line of ours, and each fact names the generation that stood then.
    const said = limitLines(await ownLines(panel, lines))
    check(said === inForce, `one of the four limits was put in force, not ${said - inForce + 1}`)
    const between = factsBetween(instance, lines, before.generation, generation)
    check(between === '', `the node never acted on a generation between ${before.generation} and ${generation}: ${between}`)
    say(`of generations ${before.generation + 1} to ${generation} the node applied the last one`)
    say(`${runs.length - runsBefore} runs of the crashing server arrived late`)
  }
  const numbers = [...text.matchAll(/line (\d{9})/g)].map((match) => Number(match[1]))
  const hole = numbers.findIndex((n, i) => i > 0 && n !== numbers[i - 1] + 1)
  check(hole === -1, `the viewer has every line once (hole at ${numbers[hole - 1]} -> ${numbers[hole]})`)
  const events = []
  for (let after = 0; after !== null; ) {
    const page = await panel.get(`/events?server=${crashing}&limit=100&after=${after}`)
    events.push(...page.items)
    after = page.items.length ? page.next : null
  }
  check(new Set(events.map((event) => event.id)).size === events.length, 'each event is there once')
  say(`${numbers.length} lines and ${events.length} events, each once`)
  await viewer.end()

  const gone = inClient(client, 'sh', [`${source}/ops/install/install.sh`, '--remove'], env)
  check(gone.status === 0, `the machine can leave: ${gone.stdout}${gone.stderr}`)
  say('left again')
}

await tell('nat', ended, main)
