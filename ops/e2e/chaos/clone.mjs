// A machine is copied, identity and all, and the copy is started beside the first.
import { spawn } from 'node:child_process'
import { closeSync, cpSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Harness } from '../harness.mjs'
import { check, until } from '../panel.mjs'
import { events } from './bus.mjs'
import { installing, up } from './kills.mjs'
import { game, read } from './world.mjs'

/** A copy of the agent's folder and configuration, with a containerd of its own, as on another machine. */
class Clone {
  static async of(world, name) {
    const clone = new Clone()
    clone.folder = join(world.folder, name)
    cpSync(join(world.data, 'agent'), join(clone.folder, 'agent'), { recursive: true, filter: (path) => !/\/(lock|run|in)$/.test(path) })
    clone.containerd = await Harness.start('containerd')
    const { socket, runc_root, tag, cgroup_parent, subnet, uid_base } = clone.containerd.facts
    const own = { data_dir: join(clone.folder, 'agent'), containerd_address: socket, runc_root, tag, cgroup_parent, bridge_subnet: subnet, uid_base }
    const lines = read(join(world.data, 'conf/agent.toml')).split('\n').filter((line) => !line.startsWith('metrics_listen') && !Object.keys(own).includes(line.split(' ')[0]))
    writeFileSync(join(clone.folder, 'agent.toml'), `${Object.entries(own).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join('\n')}\n${lines.join('\n')}`)
    return clone
  }

  start() {
    this.log = join(this.folder, 'agent.log')
    const out = openSync(this.log, 'a')
    this.child = spawn(`${process.env.WARREN_BIN_DIR}/warren-agent`, ['run', '--config', join(this.folder, 'agent.toml')], { stdio: ['ignore', out, out] })
    closeSync(out)
  }

  get said() {
    return readFileSync(this.log, 'utf8')
  }

  async end() {
    if (this.child && this.child.exitCode === null) {
      const over = new Promise((done) => this.child.once('exit', done))
      this.child.kill('SIGKILL')
      await over
    }
    await this.containerd.end()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function quarantined(world, gauge, name, between) {
  const { panel, node } = world
  const server = await installing(world, world.image)
  await up(world, server)
  const process = game(server)
  const clone = await Clone.of(world, name)
  try {
    await between()
    const boot = () => world.rows('SELECT current_boot FROM nodes WHERE id = ?', node)[0].current_boot
    const first = await until('the first to be the one that speaks', 30000, () => boot() !== null && gauge.flows().then(boot))
    clone.start()
    const shown = await until('the fork to be shown', 60000, async () => {
      const now = await panel.get(`/nodes/${node}`)
      return now.state === 'quarantined' && now
    })
    check(shown.quarantined_because, 'it says why')
    if (boot() !== first) {
      // Who is obeyed now? The newcomer knows the same server, in a container of its own.
      const typed = await panel.post(`/servers/${server}/input`, { line: 'who is there' }).catch((error) => ({ result: error.code }))
      throw new Error(`the newcomer was taken for the node's next process, and the first is shut out (${shown.quarantined_because.slice(0, 60)}…); a line typed is answered ${typed.result}`)
    }
    await until('the newcomer to know', 20000, () => /this node is quarantined/.test(clone.said))
    check((await events(panel)).some((event) => event.data.code === 'identity_forked'), 'there is an event for it')
    await gauge.flows()
    await panel.post(`/servers/${server}/power`, { action: 'stop' })
    await panel.state(server, 'stopped', 30000)
    await panel.post(`/nodes/${node}/identity`, { keep: 'current' })
    await until('the node to be well again', 30000, async () => (await panel.get(`/nodes/${node}`)).state === 'online')
    return { ended: `newcomer quarantined, shown: ${shown.quarantined_because.slice(0, 60)}…; the first goes on` }
  } catch (error) {
    const shown = await panel.get(`/nodes/${node}`)
    throw new Error(`${error.message} [node ${shown.state}; the clone says: ${clone.log ? clone.said.trim().split('\n').at(-1).slice(0, 300) : 'nothing'}; game ${game(server) === process ? 'unharmed' : 'ended'}]`)
  } finally {
    await clone.end()
  }
}

export const clone = [
  {
    name: 'clone-of-older',
    what: () => 'agent cloned, first restarted since, clone started',
    run: (world, gauge) => quarantined(world, gauge, 'clone-older', () => world.restart('agent')),
  },
  {
    name: 'clone-of-running',
    what: () => 'agent cloned while it runs, clone started beside it',
    run: (world, gauge) => quarantined(world, gauge, 'clone-running', async () => {}),
  },
]
