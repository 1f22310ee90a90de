// The two databases as `bench ingest` needs them: how much console they hold, what CPU they take, and how fast rows go
// in without Warren: one row and one commit at a time, and the fastest way that the database has.
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { until } from '../../e2e/panel.mjs'
import { cpuSeconds } from './report.mjs'

export function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => done(port))
    })
  })
}

function run(command, args, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options })
  if (status !== 0) throw new Error(`${command}: ${stderr}`)
  return stdout
}

/** A child that answers a line with a line. */
class Asked {
  constructor(command, args) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }
  async ask(text) {
    this.child.stdin.write(`${text}\n`)
    const { value, done } = await this.lines.next()
    if (done) throw new Error('a helper has ended')
    return value
  }
  end() {
    this.child.stdin.end()
  }
}

const BYTES = 'SELECT coalesce(sum(committed), 0) FROM console_streams WHERE stream = 0'
const CHUNKS = 'SELECT count(*) FROM console_chunks'
const HOLES = 'SELECT count(*) FROM console_chunks WHERE gap'
// 64 bytes, as the game prints them.
const LINE = 'burst %06d %09d ........................................'

const SQLITE = `
import json, os, resource, sqlite3, sys, time
folder, rows, together = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
path = folder + "/reference.db"
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA journal_mode=WAL"); db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, server TEXT, at INTEGER, text TEXT)")
lines = [("s", n, "${LINE}" % (1, n)) for n in range(rows)]
insert = "INSERT INTO line (server, at, text) VALUES (?, ?, ?)"
cpu, start = time.process_time(), time.perf_counter()
for n in range(0, rows, together):
    if together == 1:
        db.execute(insert, lines[n])
    else:
        db.execute("BEGIN"); db.executemany(insert, lines[n:n + together]); db.execute("COMMIT")
print(json.dumps({"wall": rows / (time.perf_counter() - start), "cpu": rows / (time.process_time() - cpu)}))
for end in ("", "-wal", "-shm"):
    if os.path.exists(path + end): os.remove(path + end)
`

export class Sqlite {
  name = 'SQLite'
  up = []
  slow = 'one insert and one commit a line, synchronous=FULL'
  fast = 'prepared inserts, a commit per 10,000'

  static async start(folder) {
    const database = new Sqlite()
    database.folder = folder
    return database
  }

  /** Looks into the database of the instance in this folder. */
  open(data) {
    const loop = `import sqlite3, sys
db = sqlite3.connect("file:${data}/control/bulk.db?mode=ro", uri=True)
for line in sys.stdin: print(db.execute(line).fetchone()[0], flush=True)`
    this.asked = new Asked('python3', ['-c', loop])
  }
  bytes = async () => Number(await this.asked.ask(BYTES))
  chunks = async () => Number(await this.asked.ask(CHUNKS))
  holes = async () => Number(await this.asked.ask(HOLES))
  /** In control's own process. */
  cpu = () => 0
  one = (rows) => JSON.parse(run('python3', ['-c', SQLITE, this.folder, String(rows), '1']))
  most = (rows) => JSON.parse(run('python3', ['-c', SQLITE, this.folder, String(rows), '10000']))
  async end() {
    this.asked.end()
  }
}

/** A cluster of its own with the fsyncs that a real one has; that of the tests has them off. */
export class Postgres {
  name = 'PostgreSQL'
  slow = 'one insert and one commit a line, by psql'
  fast = 'COPY, by psql'

  static async start() {
    const database = new Postgres()
    const bin = readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`).at(-1)
    const folder = mkdtempSync('/tmp/wb-pg-')
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(run('id', [flag, 'postgres'])))
    chownSync(folder, uid, gid)
    const as = { uid, gid, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } }
    run(`${bin}/initdb`, ['-D', `${folder}/data`, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-locale'], as)
    const port = await freePort()
    const server = spawn(`${bin}/postgres`, ['-D', `${folder}/data`, '-p', String(port), '-k', folder, '-h', '127.0.0.1'], { ...as, stdio: 'ignore' })
    const url = (name) => `postgres://postgres@127.0.0.1:${port}/${name}`
    Object.assign(database, { folder, server, url: url('warren'), reference: url('reference') })
    await until('PostgreSQL to answer', 20000, () => spawnSync('psql', [url('postgres'), '-qAtc', 'SELECT 1']).status === 0)
    for (const name of ['warren', 'reference']) run('psql', [url('postgres'), '-qAtc', `CREATE DATABASE ${name}`])
    run('psql', [database.reference, '-qAtc', 'CREATE TABLE line (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, server text, at bigint, text text)'])
    database.up = ['--postgres', database.url]
    return database
  }

  open() {
    this.asked = new Asked('psql', [this.url, '-qAt'])
  }
  bytes = async () => Number(await this.asked.ask(`${BYTES};`))
  chunks = async () => Number(await this.asked.ask(`${CHUNKS};`))
  holes = async () => Number(await this.asked.ask(`${HOLES};`))

  /** CPU of all its processes, ended ones too. */
  cpu = () => {
    const main = this.server.pid
    const stat = (pid) => {
      const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return text.slice(text.lastIndexOf(')') + 2).split(' ')
    }
    const ended = (Number(stat(main)[13]) + Number(stat(main)[14])) / 100
    let sum = cpuSeconds(main) + ended
    for (const pid of readdirSync('/proc')) {
      try {
        if (/^\d+$/.test(pid) && Number(stat(pid)[1]) === main) sum += cpuSeconds(pid)
      } catch {
        // It ended while we looked.
      }
    }
    return sum
  }

  timed(rows, input) {
    const client = 'import json, resource, subprocess, sys, time\nstart = time.perf_counter()\nsubprocess.run(["psql", sys.argv[1], "-qAt", "-v", "ON_ERROR_STOP=1"], stdin=sys.stdin, stdout=subprocess.DEVNULL, check=True)\nused = resource.getrusage(resource.RUSAGE_CHILDREN)\nprint(json.dumps([time.perf_counter() - start, used.ru_utime + used.ru_stime]))'
    run('psql', [this.reference, '-qAtc', 'TRUNCATE line'])
    const before = this.cpu()
    const [wall, own] = JSON.parse(run('python3', ['-c', client, this.reference], { input }))
    return { wall: rows / wall, cpu: rows / (this.cpu() - before + own) }
  }
  one = (rows) => this.timed(rows, Array.from({ length: rows }, (_, n) => `INSERT INTO line (server, at, text) VALUES ('s', ${n}, '${text(n)}');\n`).join(''))
  most = (rows) => this.timed(rows, `COPY line (server, at, text) FROM STDIN;\n${Array.from({ length: rows }, (_, n) => `s\t${n}\t${text(n)}\n`).join('')}\\.\n`)

  async end() {
    this.asked?.end()
    const ended = new Promise((done) => this.server.once('exit', done))
    this.server.kill('SIGINT')
    await ended
    rmSync(this.folder, { recursive: true })
  }
}

const text = (n) => `burst 000001 ${String(n).padStart(9, '0')} ........................................`
