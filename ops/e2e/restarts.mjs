// The restart matrix: kill -9 each part in turn, at random moments, under load, and prove that no game
// restarted, no byte was lost or doubled, and every command was typed once or reported as not taken.
//
//   node restarts.mjs --data DIR [--rounds 5] [--parts agent,gateway,control,nats,containerd] [--viewers 10]
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pushGame } from './harness.mjs'
import { check, egg, gameEgg, gameProcess, Instance, makeServer, ulid, until, wait } from './panel.mjs'
import { Viewer } from './viewer.mjs'

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    parts: { type: 'string', default: 'agent,gateway,control,nats,containerd' },
    viewers: { type: 'string', default: '10' },
    'within-ms': { type: 'string', default: '5000' },
  },
})
const withinMs = Number(options['within-ms'])
const instance = new Instance(options.data)
const panel = await instance.panel('restarts')
const read = (path) => readFileSync(path, 'utf8')

/** Reads a console as it comes and proves that its numbers have no hole and no repeat. */
class Numbers {
  constructor(pattern, next) {
    this.pattern = pattern
    this.next = next
    this.rest = ''
    this.last = undefined
    this.count = 0
    this.faults = []
  }

  take(bytes) {
    const text = this.rest + bytes.toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    this.rest = text.slice(end)
    for (const match of text.slice(0, end).matchAll(this.pattern)) {
      if (this.last && !this.next(this.last, match)) this.faults.push(`${this.last[0]} then ${match[0]}`)
      this.last = match
      this.count += 1
    }
  }
}
const lineNumbers = () => new Numbers(/line (\d{9})/g, (a, b) => Number(b[1]) === Number(a[1]) + 1)
const burstNumbers = () =>
  new Numbers(/burst (\d{6}) (\d{9})/g, (a, b) =>
    a[1] === b[1] ? Number(b[2]) === Number(a[2]) + 1 : Number(b[1]) === Number(a[1]) + 1 && Number(a[2]) === 16384 && Number(b[2]) === 1,
  )

console.log('setting up: two loud servers')
const image = pushGame(instance.ready.registry)
const eggId = await egg(panel, gameEgg(image))
const node = (await panel.all('/nodes'))[0].id
const stamp = Date.now().toString(36)
const make = (name, game) => makeServer(panel, { name: `${name} ${stamp}`, egg: eggId, node, variables: { GAME: game } })
const loud = [
  { id: await make('Lines', '/games/lines 500'), numbers: lineNumbers, what: 'lines' },
  { id: await make('Bursts', '/games/burst 16384 5'), numbers: burstNumbers, what: 'bursts' },
]
for (const server of loud) {
  await panel.state(server.id, 'running', 60000)
  server.process = gameProcess(readdirSync, read, server.id)
  check(server.process, `the process of ${server.what} is found`)
}
const viewers = []
for (let i = 0; i < Number(options.viewers); i++) {
  const server = loud[i % 2]
  const numbers = server.numbers()
  const viewer = new Viewer(panel, server.id, (bytes) => numbers.take(bytes))
  viewers.push({ viewer, numbers, server })
}
await until('all viewers to see the console', 20000, () => viewers.every((v) => v.viewer.at > 0))

/** Types a line under an id, again while nobody says what became of it: an id is typed once, however often it is asked. */
async function type(command) {
  const until = Date.now() + 30000
  while (command.result === 'unknown' && Date.now() < until) {
    command.asked += 1
    await panel.post(`/servers/${loud[0].id}/input`, { line: command.name, id: command.id }).then(
      ({ result }) => (command.result = result),
      async (error) => {
        // No answer leaves it open, and says so; every other refusal is a promise that nothing was typed by this call.
        const open = !error.status || error.code === 'node_no_answer'
        if (open) command.open = true
        else if (!command.open) command.result = `refused ${error.status} ${error.code}`
        await wait(200 + Math.random() * 200)
      },
    )
  }
}

// A command every second, each with its own number.
const commands = []
const asked = []
let typing = true
const typist = (async () => {
  while (typing) {
    const command = { name: `tick-${String(commands.length + 1).padStart(6, '0')}`, id: ulid(), result: 'unknown', asked: 0 }
    commands.push(command)
    asked.push(type(command))
    await wait(1000)
  }
  await Promise.all(asked)
})()

/** The right state, and proof that the node has spoken since: a state that nobody refreshed proves nothing. */
const alive = (since) => async () => {
  const [nodes, one, two] = await Promise.all([panel.all('/nodes'), panel.server(loud[0].id), panel.server(loud[1].id)])
  const own = nodes.find((item) => item.id === node)
  const spoke = Date.parse(own.last_seen_at) > since
  return own.state === 'online' && spoke && one.state === 'running' && two.state === 'running'
}
// Parts whose death the node notices: it says hello again at once.
const speaks = ['agent', 'nats']
const rows = []
for (const part of options.parts.split(',')) {
  for (let round = 1; round <= Number(options.rounds); round++) {
    await wait(1000 + Math.random() * 3000)
    const old = instance.pid(part)
    const seen = viewers.map((v) => v.viewer.at)
    process.kill(old, 'SIGKILL')
    const killed = Date.now()
    const back = await until(`${part} to be started again`, 5000, () => {
      const pid = instance.pid(part)
      return pid !== old && Date.now()
    }, 20)
    await until(`the right state after ${part} was killed`, 30000, alive(speaks.includes(part) ? killed : 0), 50)
    const right = Date.now()
    // The bursts come every 5 s, so only the lines tell how long a console stood still.
    const goesOn = (what) => () => viewers.every((v, i) => v.server.what !== what || v.viewer.at > seen[i])
    await until(`every viewer of lines to go on after ${part} was killed`, 30000, goesOn('lines'), 20)
    const flowing = Date.now()
    await until(`every viewer of bursts to go on after ${part} was killed`, 30000, goesOn('bursts'), 50)
    for (const server of loud) {
      const now = gameProcess(readdirSync, read, server.id)
      check(now === server.process, `${server.what} kept its process (was ${server.process}, is ${now})`)
    }
    rows.push({ part, round, restarted_ms: back - killed, right_ms: right - back, flowing_ms: flowing - back })
    console.log(`  ${part} ${round}: started again after ${back - killed} ms, right state ${right - back} ms later, console ${flowing - back} ms later`)
  }
}

typing = false
await typist
await wait(3000)
const faults = []
for (const server of loud) {
  // What the game says last is in the database, too, once it stands still.
  await panel.post(`/servers/${server.id}/power`, { action: 'stop' })
  await panel.state(server.id, 'stopped', 30000)
  const [run] = await panel.all(`/servers/${server.id}/runs`)
  const own = viewers.filter((v) => v.server === server)
  const seen = () => Math.max(...own.map((v) => v.viewer.at))
  await until(`the database to hold all of ${server.what}`, 60000, async () => {
    const now = (await panel.all(`/servers/${server.id}/runs`)).find((item) => item.id === run.id)
    return now.ended_at && now.bytes >= seen()
  }, 500)
  const stored = (await panel.raw('GET', `/api/v1/servers/${server.id}/console/download?run=${run.id}`, undefined, 60000)).bytes
  const numbers = server.numbers()
  numbers.take(stored)
  faults.push(...numbers.faults.map((fault) => `database, ${server.what}: ${fault}`))
  console.log(`  database: ${server.what} ${stored.length} bytes, ${numbers.count} numbers, ${numbers.faults.length} faults`)
  for (const { viewer, numbers: shown } of own) {
    await until('a viewer to have it all', 15000, () => viewer.at >= stored.length).catch((e) => faults.push(`viewer: ${e.message}`))
    const same = viewer.hash.digest('hex') === createHash('sha256').update(stored.subarray(0, viewer.at)).digest('hex')
    if (!same) faults.push(`a viewer of ${server.what} saw other bytes than the database holds`)
    if (viewer.gaps.length) faults.push(`a viewer was told of gaps: ${JSON.stringify(viewer.gaps.slice(0, 3))}`)
    faults.push(...shown.faults.slice(0, 3).map((fault) => `viewer of ${server.what}: ${fault}`))
  }
  if (server.what === 'lines') {
    const text = stored.toString('latin1')
    for (const { name, result } of commands) {
      const times = text.split(`got: ${name}`).length - 1
      // Typed once, or reported as not taken: an answer that stays out is a fault.
      const right = result === 'written' ? times === 1 : result !== 'unknown' && times === 0
      if (!right) faults.push(`${name} was answered ${result} and is there ${times} times`)
    }
  }
}
for (const { viewer } of viewers) await viewer.end()
for (const server of loud) await panel.delete(`/servers/${server.id}?name=${encodeURIComponent((await panel.server(server.id)).name)}`)

const late = rows.filter((row) => row.right_ms > withinMs || row.restarted_ms > 1000)
const worst = (field) => Math.max(...rows.map((row) => row[field]))
const count = (result) => commands.filter((c) => c.result.startsWith(result)).length
console.log(`restarts: ${rows.length} kills; worst: started again ${worst('restarted_ms')} ms, right state ${worst('right_ms')} ms, console ${worst('flowing_ms')} ms`)
console.log(`commands: ${commands.length}, written ${count('written')}, not taken ${commands.length - count('written') - count('unknown')}, without an answer ${count('unknown')}; asked again ${commands.filter((c) => c.asked > 1).length}`)
console.log(`viewers: ${viewers.length}, connects ${viewers.map((v) => v.viewer.connects).join(' ')}`)
for (const row of late) faults.push(`too late: ${JSON.stringify(row)}`)
if (faults.length) {
  console.error(`restarts: FAILED\n  ${faults.slice(0, 20).join('\n  ')}`)
  process.exit(1)
}
console.log('restarts: passed')
process.exit(0)
