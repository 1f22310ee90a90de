import type { Mount, ServerMount } from '~/api/types'
import { member, page, problem, type Route, scenario } from './answers'
import { ago, eggs, id, nodes, servers } from './data'
import { locations } from './roles'

let made = 0
type Stored = Omit<Mount, 'servers' | 'refusing' | 'refusing_nodes'>
type Asked = Partial<Omit<Stored, 'nodes' | 'locations' | 'eggs'>> & {
  nodes?: string[]
  locations?: string[]
  eggs?: string[]
}

const brief = ({ id, name }: { id: string; name: string }) => ({ id, name })
const FRESH: Stored = {
  id: '',
  name: '',
  description: '',
  source: '',
  target: '',
  read_only: true,
  self_service: false,
  all_nodes: false,
  nodes: [],
  locations: [],
  all_eggs: false,
  eggs: [],
  created_at: ago(86_400 * 9),
  updated_at: ago(86_400 * 2),
}
let rows: Stored[] = [
  {
    ...FRESH,
    id: id(2000),
    name: 'Community maps',
    description: 'Kept by the club, read by every server',
    source: '/srv/games/maps',
    target: '/mnt/maps',
    self_service: true,
    all_nodes: true,
    eggs: eggs.slice(0, 2).map(brief),
  },
  {
    ...FRESH,
    id: id(2001),
    name: 'World archive',
    description: 'Worlds of seasons that are over',
    source: '/data/shared/archive',
    target: '/mnt/archive',
    read_only: false,
    nodes: nodes.slice(0, 1).map(brief),
    all_eggs: true,
  },
  {
    ...FRESH,
    id: id(2002),
    name: 'Voice samples',
    source: '/srv/voice',
    target: '/srv/voice',
    self_service: true,
  },
]

/** Which server has which on, as "server mount". */
const on = new Set([`${servers[0]?.id} ${id(2001)}`])

function shown(mount: Stored): Mount {
  const offered = nodes.filter((node) => mount.all_nodes || mount.nodes.some((each) => each.id === node.id))
  const allows = (root: string) => mount.source === root || mount.source.startsWith(`${root}/`)
  const refusing = offered.filter(({ host }) => !host.allowed_mounts.some(allows)).map(brief)
  return {
    ...mount,
    servers: [...on].filter((each) => each.endsWith(mount.id)).length,
    refusing: refusing.length,
    refusing_nodes: refusing,
  }
}
const mounts = () => rows.map(shown).sort((a, b) => a.name.localeCompare(b.name))

function stored(before: Stored, { nodes: on, locations: at, eggs: of, ...rest }: Asked): Stored {
  return {
    ...before,
    ...rest,
    nodes: on ? nodes.filter((each) => on.includes(each.id)).map(brief) : before.nodes,
    locations: at
      ? locations()
          .filter((each) => at.includes(each.id))
          .map(brief)
      : before.locations,
    eggs: of ? eggs.filter((each) => of.includes(each.id)).map(brief) : before.eggs,
  }
}

function refused(asked: Asked, own = '') {
  const wrong = (field: string, code: string, message: string) =>
    problem(422, 'invalid', 'One field is wrong.', [{ field, code, message }])
  if (rows.some((each) => each.id !== own && each.name.toLowerCase() === asked.name?.toLowerCase()))
    return wrong('name', 'taken', 'another mount has this name')
  if (asked.source?.startsWith('/etc'))
    return wrong('source', 'reserved', 'must be neither /etc nor above or below it')
  if (asked.target?.startsWith('/home'))
    return wrong('target', 'reserved', 'must be neither /home/container nor above or below it')
  return undefined
}

function ofServer(server: string): ServerMount[] {
  const node = servers.find((each) => each.id === server)?.node.id
  const roots = nodes.find((each) => each.id === node)?.host.allowed_mounts ?? []
  return mounts()
    .filter((mount) => mount.all_nodes || mount.nodes.length > 0)
    .map((mount) => ({
      id: mount.id,
      name: mount.name,
      description: mount.description,
      source: member() ? null : mount.source,
      target: mount.target,
      read_only: mount.read_only,
      on: on.has(`${server} ${mount.id}`),
      offered: true,
      switchable: !member() || mount.self_service,
      allowed: roots.some((root) => mount.source === root || mount.source.startsWith(`${root}/`)),
    }))
    .filter((mount) => mount.on || mount.switchable)
}

export const mountRoutes: Route[] = [
  ['GET', /^\/mounts$/, () => page(scenario() === 'empty' ? [] : mounts())],
  [
    'POST',
    /^\/mounts$/,
    (_m, body) => {
      const bad = refused(body as Asked)
      if (bad) return bad
      made += 1
      const mount = stored({ ...FRESH, id: id(2050 + made) }, body as Asked)
      rows = [...rows, mount]
      return shown(mount)
    },
  ],
  [
    'PATCH',
    /^\/mounts\/([^/]+)$/,
    (m, body) => {
      const bad = refused(body as Asked, m[1])
      if (bad) return bad
      rows = rows.map((mount) => (mount.id === m[1] ? stored(mount, body as Asked) : mount))
      return mounts().find((mount) => mount.id === m[1])
    },
  ],
  [
    'DELETE',
    /^\/mounts\/([^/]+)$/,
    (m) => {
      if ([...on].some((each) => each.endsWith(m[1] ?? '')))
        return problem(
          409,
          'mount_in_use',
          'server "lantern-vale" has it switched on; switch it off there first',
        )
      rows = rows.filter((mount) => mount.id !== m[1])
      return undefined
    },
  ],
  ['GET', /^\/servers\/([^/]+)\/mounts$/, (m) => page(ofServer(m[1] ?? ''))],
  [
    'PUT',
    /^\/servers\/([^/]+)\/mounts\/([^/]+)$/,
    (m) => {
      on.add(`${m[1]} ${m[2]}`)
      return ofServer(m[1] ?? '').find((mount) => mount.id === m[2])
    },
  ],
  [
    'DELETE',
    /^\/servers\/([^/]+)\/mounts\/([^/]+)$/,
    (m) => {
      on.delete(`${m[1]} ${m[2]}`)
      return undefined
    },
  ],
]
