// A panel on this machine's public side, and what a machine behind NAT beside it has: a containerd and a registry of its own.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Harness } from './harness.mjs'
import { check, Instance, until } from './panel.mjs'

const BIN = process.env.WARREN_BIN_DIR

/** Runs a command to its end with the network of the machine behind NAT. */
export function inClient(client, command, args, env = {}) {
  return spawnSync('nsenter', [`--net=/run/netns/${client}`, command, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 120000,
  })
}

/** A network with a router that masquerades, and a panel outside of it. What undoes each step goes to the end of `ended`. */
export async function publicPanel(options, ended) {
  const lab = await Harness.start('netlab')
  ended.push(() => lab.end())
  const up = ['up', '--detach', '--public', '--address', lab.facts.hub, '--data', options.data]
  for (const port of ['port', 'gateway-port', 'nats-port', 'agent-port', 'sftp-port']) {
    if (options[port]) up.push(`--${port}`, options[port])
  }
  const started = spawnSync(`${BIN}/warren-ops`, up, { encoding: 'utf8' })
  ended.push(() => spawnSync(`${BIN}/warren-ops`, ['down', '--data', options.data, '--grace', '2']))
  check(started.status === 0, `the panel starts: ${started.stdout}${started.stderr}`)
  return { lab, instance: new Instance(options.data), said: started.stdout }
}

/** Settings of an agent in `client`, whose containerd is its own and whose registry listens on its loopback. */
export async function farMachine(client, ended) {
  const containerd = await Harness.start('containerd')
  ended.push(() => containerd.end())
  const files = mkdtempSync(join(tmpdir(), 'warren-far-'))
  ended.push(() => rmSync(files, { recursive: true, force: true }))
  const port = 5000
  writeFileSync(`${files}/registry.yml`, `version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: ${files}/registry}\nhttp:\n  addr: 127.0.0.1:${port}\n`)
  const registry = spawn('nsenter', [`--net=/run/netns/${client}`, 'docker-registry', 'serve', `${files}/registry.yml`], { stdio: 'ignore' })
  ended.push(() => registry.kill('SIGKILL'))
  const image = await until('the registry beside the node', 20000, () => {
    const run = inClient(client, `${BIN}/warren-harness`, ['push-game', String(port), 'warren-e2e/game', '1'])
    return run.status === 0 && JSON.parse(run.stdout).image
  })
  const facts = containerd.facts
  const config = `${files}/agent.toml`
  writeFileSync(
    config,
    `data_dir = "${files}/data"\ncontainerd_address = "${facts.socket}"\nrunc_root = "${facts.runc_root}"\ntag = "${facts.tag}"\ncgroup_parent = "${facts.cgroup_parent}"\nbridge_subnet = "${facts.subnet}"\nuid_base = ${facts.uid_base}\n`,
    { mode: 0o600 },
  )
  return { client, files, image, config, containerd: facts }
}

/** Joins the machine with a token and runs its agent; gives the node and the agent's pid. */
export async function joinMachine(panel, machine, ended) {
  const before = new Set((await panel.all('/nodes')).map((node) => node.id))
  const { token } = await panel.post('/nodes/tokens', {})
  const agent = `${BIN}/warren-agent`
  const joined = inClient(machine.client, agent, ['join', token, '--config', machine.config])
  check(joined.status === 0, `the machine joins: ${joined.stdout}${joined.stderr}`)
  // nsenter becomes the agent, so that its pid is the agent's.
  const running = spawn('nsenter', [`--net=/run/netns/${machine.client}`, agent, 'run', '--config', machine.config], { stdio: 'ignore' })
  ended.push(async () => {
    const stopped = new Promise((done) => running.once('exit', done))
    running.kill()
    await stopped
    const left = inClient(machine.client, agent, ['leave', '--config', machine.config, '--delete-files'])
    check(left.status === 0, `the machine leaves: ${left.stdout}${left.stderr}`)
  })
  const node = await until('the node in the list', 30000, async () => (await panel.all('/nodes')).find((n) => n.state === 'online' && n.host.agent_version && !before.has(n.id)))
  return { node, pid: running.pid }
}
