// What the egg keeps back, asked for at each door: it is neither read nor written nor moved, and stays as it was.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { check, ulid } from '../panel.mjs'
import { stream } from './http.mjs'

/** Of the egg: patterns, and what its install script makes. */
export const DENYLIST = ['secret.txt', '*.pem', 'private/']
export const SECRETS = 'echo hidden >/mnt/server/secret.txt; mkdir /mnt/server/private; echo key >/mnt/server/private/key'

export async function deniedAtEachDoor({ panel, person, server, root, folder }) {
  writeFileSync(`${folder}/harmless`, 'harmless\n')
  const good = person.sftp(['put harmless', 'ls -la'])
  check(good.status === 0 && good.stdout.includes('secret.txt'), `lists show the name: ${good.stdout}${good.stderr}`)
  const asked = ['get secret.txt stolen-1', 'get private/key stolen-2', 'put harmless secret.txt', 'put harmless new.pem', 'put harmless private/new', 'rename secret.txt mine', 'rename harmless made.pem', 'rename private public', 'rm secret.txt', 'rm private/key', 'mkdir private/sub', 'chmod 666 secret.txt', 'cp secret.txt copied']
  for (const line of asked) {
    const run = person.sftp([line])
    check(run.status !== 0, `sftp> ${line} is refused: ${run.stdout}${run.stderr}`)
  }
  // A game can make a link that leads there; a person can't, and gets nothing by it.
  check(person.sftp(['ln -s secret.txt made-link']).status !== 0 && !existsSync(`${root}/made-link`), 'no link to it is made')
  symlinkSync('secret.txt', `${root}/link`)
  check(person.sftp(['get link stolen-3']).status !== 0, 'a link shows nothing')

  const { host, port, login, known } = person.place
  const hidden = spawnSync('rclone', ['obscure', person.apiKey.secret], { encoding: 'utf8' }).stdout.trim()
  const remote = `:sftp,host=${host},port=${port},user=${login},pass=${hidden},known_hosts_file=${known},shell_type=none,disable_hashcheck=true:`
  for (const words of [['cat', `${remote}secret.txt`], ['copyto', `${folder}/harmless`, `${remote}by-rclone.pem`]]) {
    const run = spawnSync('rclone', ['--config', '/dev/null', '--retries', '1', '--low-level-retries', '1', ...words], { encoding: 'utf8', timeout: 60000 })
    check(run.status !== 0 && !run.stdout.includes('hidden'), `rclone ${words[0]} is refused: ${run.stdout}${run.stderr}`)
  }

  const at = `${folder}/denied`
  mkdirSync(at)
  const mounted = spawnSync('sshfs', [`${person.place.to}:`, at, '-p', port, '-F', '/dev/null', ...person.options().slice(2)], { encoding: 'utf8', timeout: 30000 })
  check(mounted.status === 0, `sshfs: ${mounted.stderr}`)
  try {
    for (const line of ['cat secret.txt', 'echo x >>secret.txt', 'cp harmless other.pem', 'mv private elsewhere']) {
      const run = spawnSync('sh', ['-c', line], { cwd: at, encoding: 'utf8', timeout: 30000 })
      check(run.status !== 0 && /Permission denied/.test(run.stderr), `in a mount, ${line} is told to be denied: ${run.stdout}${run.stderr}`)
    }
  } finally {
    for (const command of ['fusermount3', 'fusermount']) if (spawnSync(command, ['-u', '-z', at]).status === 0) break
  }

  const { ticket } = await person.web.post(`/servers/${server}/ticket`)
  for (const [method, path, headers = {}] of [
    ['GET', 'file?path=secret.txt'],
    ['GET', 'file?path=link'],
    ['PUT', 'file?path=by-http.pem'],
    ['PUT', 'file?path=secret.txt&overwrite=1'],
    ['POST', 'uploads?path=by-tus.pem', { 'upload-length': '5' }],
    ['PATCH', `uploads/${ulid()}?path=by-patch.pem&size=0`, { 'upload-offset': '0' }],
  ]) {
    const answer = await stream(panel, method, `/transfer/${server}/${path}`, { 'x-warren-ticket': ticket, ...headers })
    check(answer.status === 403 && /file_denied/.test(answer.text), `${method} ${path} answers 403 file_denied: ${answer.status} ${answer.text}`)
  }
  for (const path of ['secret.txt', 'private/key']) check(existsSync(`${root}/${path}`), `${path} is where it was`)
  check(readFileSync(`${root}/secret.txt`, 'utf8') === 'hidden\n', 'and as it was')
  for (const made of ['new.pem', 'made.pem', 'mine', 'public', 'copied', 'by-rclone.pem', 'other.pem', 'by-http.pem', 'by-tus.pem', 'private/new', 'private/sub', 'elsewhere']) {
    check(!existsSync(`${root}/${made}`), `${made} was not made`)
  }
  for (const stolen of ['stolen-1', 'stolen-2', 'stolen-3']) check(!existsSync(`${folder}/${stolen}`) || readFileSync(`${folder}/${stolen}`, 'utf8') === '', `${stolen} holds nothing`)
  return `the denylist holds at sftp (${asked.length} ways), a link, rclone, sshfs and HTTP streams`
}
