// A day's work with each client that people use, checked on the node's own disk.
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { check } from '../panel.mjs'

const sha = (path) => createHash('sha256').update(readFileSync(path)).digest('hex')

/** Runs to its end; what it says when it fails is part of the failure. */
function does(command, args, { env = {}, ...options } = {}) {
  const run = spawnSync(command, args, { encoding: 'utf8', timeout: 60000, env: { ...process.env, ...env }, maxBuffer: 1 << 26, ...options })
  check(run.status === 0, `${command} ${args.at(-1)}: ${run.error ?? ''} ${run.stdout}${run.stderr}`)
  return run.stdout
}
const same = (a, b) => does('diff', ['-r', '--no-dereference', a, b])

/** Folders and files as people have them: deep, empty, many, with names that need care. */
function makeTree(at) {
  for (const dir of ['world/region', 'world/data/a/b/c/d', 'plugins/Some Plugin', 'ümläut 日本']) mkdirSync(`${at}/${dir}`, { recursive: true })
  for (let n = 0; n < 40; n++) writeFileSync(`${at}/world/region/r.${n}.mca`, randomBytes(200 * n))
  writeFileSync(`${at}/world/data/a/b/c/d/deep`, 'deep\n')
  writeFileSync(`${at}/empty`, '')
  writeFileSync(`${at}/plugins/Some Plugin/it's "quoted" & [odd] #1.yml`, 'a: 1\n')
  writeFileSync(`${at}/ümläut 日本/ß.txt`, 'ß\n')
  writeFileSync(`${at}/world/level.dat`, randomBytes(3 << 20))
}

function openssh({ person, root, folder }) {
  const big = `${folder}/big`
  writeFileSync(big, randomBytes(12 << 20))
  const good = (lines, proof) => {
    const run = person.sftp(lines, proof)
    check(run.status === 0, `sftp by ${proof}: ${run.stdout}${run.stderr}`)
    return run.stdout
  }
  good(['mkdir sftp', 'mkdir "sftp/a b"', 'put -R tree sftp/tree', 'put big "sftp/a b/big"', 'rename "sftp/a b/big" sftp/moved', 'chmod 640 sftp/moved', 'ln -s moved sftp/link', 'ls -la sftp', 'df -h', 'get sftp/link back', 'get -R sftp/tree tree-back'], 'key')
  check(sha(`${root}/sftp/moved`) === sha(big) && sha(`${folder}/back`) === sha(big), 'what went up and came down is the same')
  check((statSync(`${root}/sftp/moved`).mode & 0o777) === 0o640, 'chmod holds')
  same(`${folder}/tree`, `${root}/sftp/tree`)
  same(`${folder}/tree`, `${folder}/tree-back`)
  // Half of it is there, each way.
  truncateSync(`${folder}/back`, 5 << 20)
  copyFileSync(big, `${folder}/half`)
  truncateSync(`${folder}/half`, 7 << 20)
  good(['put half sftp/half', 'reget sftp/moved back', 'reput big sftp/half', 'rm sftp/link', 'rmdir "sftp/a b"'], 'key')
  check(sha(`${folder}/back`) === sha(big), 'reget goes on where it broke off')
  check(sha(`${root}/sftp/half`) === sha(big), 'reput goes on where it broke off')
  for (const proof of ['password', 'API key']) {
    good([`put big "sftp/by ${proof}"`, 'ls sftp'], proof)
    check(sha(`${root}/sftp/by ${proof}`) === sha(big), `the same by ${proof}`)
  }
  const words = [...person.options(), '-P', person.place.port, '-r']
  does('scp', [...words, `${folder}/tree`, `${person.place.to}:by-scp`])
  same(`${folder}/tree`, `${root}/by-scp`)
  does('scp', [...words, `${person.place.to}:by-scp`, `${folder}/scp-back`])
  same(`${folder}/tree`, `${folder}/scp-back`)
  return 'sftp: put, get, rename, chmod, ln, reput, reget, trees (SSH key; put by password and by API key); scp -r both ways'
}

const DATABASE = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("create table t (n integer primary key, text)")
for step in range(3):
    with db: db.executemany("insert into t (text) values (?)", [("row %d" % n,) for n in range(300)])
with db: db.execute("delete from t where n % 3 = 0")
assert db.execute("pragma integrity_check").fetchone() == ("ok",)
assert db.execute("select count(*) from t").fetchone() == (600,)
`

/** As a directory of this machine, with programs that know nothing of SFTP. */
function sshfs({ person, root, folder }) {
  const at = `${folder}/mounted`
  mkdirSync(at)
  const words = person.options('API key').slice(2)
  does('sshfs', [`${person.place.to}:`, at, '-p', person.place.port, '-F', '/dev/null', '-o', 'password_stdin', ...words], { input: `${person.apiKey.secret}\n` })
  try {
    does('cp', ['-r', `${folder}/tree`, `${at}/by-sshfs`])
    same(`${folder}/tree`, `${at}/by-sshfs`)
    same(`${folder}/tree`, `${root}/by-sshfs`)
    writeFileSync(`${at}/by-sshfs/server.properties`, 'motd=old\nport=1\n')
    does('sed', ['-i', 's/old/new/', `${at}/by-sshfs/server.properties`])
    appendFileSync(`${at}/by-sshfs/server.properties`, 'more=1\n')
    check(readFileSync(`${root}/by-sshfs/server.properties`, 'utf8') === 'motd=new\nport=1\nmore=1\n', 'sed and an append through the mount')
    does('python3', ['-c', DATABASE, `${at}/by-sshfs/some.db`])
    does('python3', ['-c', 'import sqlite3, sys; assert sqlite3.connect(sys.argv[1]).execute("select count(*) from t").fetchone() == (600,)', `${root}/by-sshfs/some.db`])
    truncateSync(`${at}/by-sshfs/world/level.dat`, 1000)
    check(statSync(`${root}/by-sshfs/world/level.dat`).size === 1000, 'truncate')
    symlinkSync('server.properties', `${at}/by-sshfs/link`)
    check(readFileSync(`${at}/by-sshfs/link`, 'utf8').startsWith('motd=new'), 'a link')
    does('mv', [`${at}/by-sshfs/world`, `${at}/by-sshfs/world2`])
    check(does('find', [`${at}/by-sshfs`, '-name', '*.mca']).trim().split('\n').length === 40, 'find sees all')
    does('df', [at])
    does('rm', ['-r', `${at}/by-sshfs/world2`, `${at}/by-sshfs/link`])
    check(!existsSync(`${root}/by-sshfs/world2`), 'rm -r')
  } finally {
    for (const command of ['fusermount3', 'fusermount']) if (spawnSync(command, ['-u', '-z', at]).status === 0) break
  }
  return 'sshfs: cp -r, sed -i, append, SQLite, truncate, links, mv, find, rm -r (API key)'
}

function rclone({ person, root, folder }) {
  const { host, port, login, known } = person.place
  const hidden = does('rclone', ['obscure', person.apiKey.secret]).trim()
  const remote = `:sftp,host=${host},port=${port},user=${login},pass=${hidden},known_hosts_file=${known},shell_type=none,disable_hashcheck=true:by-rclone`
  const run = (...words) => does('rclone', ['--config', '/dev/null', '--retries', '1', '--low-level-retries', '1', ...words])
  run('copy', `${folder}/tree`, remote)
  same(`${folder}/tree`, `${root}/by-rclone`)
  run('check', '--download', `${folder}/tree`, remote)
  rmSync(`${root}/by-rclone/world/region/r.7.mca`)
  writeFileSync(`${root}/by-rclone/extra`, 'x')
  run('sync', `${folder}/tree`, remote)
  same(`${folder}/tree`, `${root}/by-rclone`)
  run('moveto', `${remote}/world/level.dat`, `${remote}/world/level.old`)
  check(existsSync(`${root}/by-rclone/world/level.old`) && !existsSync(`${root}/by-rclone/world/level.dat`), 'moveto')
  check(run('lsf', '-R', remote).split('\n').includes('world/data/a/b/c/d/deep'), 'lsf -R')
  run('copy', remote, `${folder}/rclone-back`)
  does('mv', [`${folder}/rclone-back/world/level.old`, `${folder}/rclone-back/world/level.dat`])
  same(`${folder}/tree`, `${folder}/rclone-back`)
  return 'rclone: copy both ways, check --download, sync, moveto, lsf (API key)'
}

function lftp({ person, root, folder }) {
  const { host, port, login } = person.place
  const program = ['ssh', '-a', '-x', ...person.options('password')].join(' ')
  const run = (script) =>
    does('lftp', ['-c', `set sftp:connect-program "${program}"; set net:max-retries 1; set net:timeout 20; set cmd:fail-exit yes; open -u ${login},${person.password} -p ${port} sftp://${host}; ${script}; bye`], { env: { HOME: folder } })
  run(`mirror -R ${folder}/tree by-lftp; mirror by-lftp ${folder}/lftp-back`)
  same(`${folder}/tree`, `${root}/by-lftp`)
  same(`${folder}/tree`, `${folder}/lftp-back`)
  writeFileSync(`${folder}/lftp-back/new`, 'new')
  rmSync(`${folder}/lftp-back/empty`)
  run(`mirror -R --delete ${folder}/lftp-back by-lftp; mv by-lftp/new by-lftp/newer; ls by-lftp; cat by-lftp/newer`)
  check(!existsSync(`${root}/by-lftp/empty`) && readFileSync(`${root}/by-lftp/newer`, 'utf8') === 'new', 'mirror --delete and mv')
  return 'lftp: mirror both ways, mirror --delete, mv, cat (password)'
}

/** All of them; gives a line for each. */
export function clientsWork(world) {
  makeTree(`${world.folder}/tree`)
  check(readdirSync(`${world.folder}/tree`).length === 4, 'a tree')
  const said = []
  for (const work of [openssh, sshfs, rclone, lftp]) {
    const began = performance.now()
    said.push(`${work(world)}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
  }
  return said
}
