// Written by `npm run texts` from ../en/servers.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    servers: {
      'bulk.refused': { asked: Word; refused: Word }
      'bulk.asked': { action: string; n: number }
      'bulk.none_can': { action: Word }
      'bulk.label': {}
      'bulk.selected': { n: number }
      'bulk.clear': {}
      'none.yours': {}
      'none.yours_note': {}
      'none.title': {}
      'none.connect': {}
      'none.pick': {}
      'none.connect_note': {}
      'reason.oom': {}
      'reason.exit': {}
      'reason.install_failed': {}
      'reason.pull_failed': {}
      'reason.crash_policy': {}
      'note.intent': { action: string; ago: Word }
      'note.since': { since: Word }
      'note.asked': { ago: Word }
      'note.for': { since: Word }
      'note.node_away': { node: Word }
      'note.suspended': {}
      'usage.none': {}
      'usage.of': { limit: Word }
      'usage.no_limit': {}
      'card.no_address': {}
      'card.cpu': {}
      'card.memory': {}
      'table.select_all': {}
      'table.name': {}
      'table.state': {}
      'table.address': {}
      'table.cpu': {}
      'table.memory': {}
      'table.disk': {}
      'table.node': {}
      'table.select': { server: Word }
      'table.no_address': {}
      'filter.running': {}
      'filter.moving': {}
      'filter.failed': {}
      'filter.look': {}
      'filter.unreachable': {}
      'filter.stopped': {}
      'filter.by_name': {}
      'filter.by_all': {}
      'filter.node_unknown': {}
      'filter.every_node': {}
      'filter.none': {}
      'filter.clear': {}
      'filter.hidden_all': {}
      'filter.hidden': { n: number }
      'title': {}
      'view': {}
      'view.table': {}
      'view.cards': {}
      'new': {}
    }
  }
}
