// Written by `npm run texts` from ../en/nodes.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    nodes: {
      'page': {}
      'add': {}
      'add_off': {}
      'none': {}
      'no_data': {}
      'cpu': {}
      'memory': {}
      'disk': {}
      'pending': { n: number }
      'away_for': { n: number; span: Word }
      'table.name': {}
      'table.state': {}
      'table.servers': {}
      'table.heartbeat': {}
      'table.round_trip': {}
      'table.agent': {}
      'table.address': {}
      'never': {}
      'ms': { n: Word }
      'no_round_trip': {}
      'running': { running: Word; total: number }
      'tokens': {}
      'tokens.takes_back': { node: Word }
      'tokens.left': { n: number; when: Word }
      'revoke': {}
      'revoke_failed': {}
      'capacity.cores': { n: number }
      'capacity.size': { size: Word }
      'capacity.promised': { amount: Word }
      'capacity.free': { size: Word }
      'capacity.used': { n: Word }
      'capacity.unknown': {}
      'load': {}
      'load.label': {}
      'load.network': {}
      'load.out': {}
      'load.in': {}
      'load.minute': {}
      'load.now': {}
      'servers.open': {}
      'servers.none': {}
      'servers.create': {}
      'facts.changes': {}
      'facts.containers': {}
      'facts.unknown': {}
      'facts.ports': {}
      'facts.port_range': { first: Word; last: Word }
      'facts.joined': {}
      'checks': {}
      'checks.look': {}
      'checks.containerd': { version: Word }
      'checks.kernel': { version: Word }
      'checks.cgroup_kernel': { cgroup: Word; version: Word }
      'checks.threads': { arch: Word; n: Word }
      'orphans': {}
      'orphans.note': {}
      'orphans.adopt': {}
      'orphans.delete': {}
      'orphans.failed': {}
      'short.cpu': {}
      'short.memory': {}
      'short.disk': {}
    }
  }
}
