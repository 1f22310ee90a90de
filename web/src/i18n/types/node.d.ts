// Written by `npm run texts` from ../en/node.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    node: {
      'page': {}
      'page.of': { name: Word; state: string }
      'list': {}
      'all': {}
      'tab.overview': {}
      'tab.allocations': {}
      'tab.settings': {}
      'head.online': { b: Tag; span: Word }
      'head.since': { b: Tag; when: Word }
      'head.agent': { version: Word }
      'head.host': { containerd: Word; kernel: Word; os: Word }
      'take_back': {}
      'away': {}
      'away_note': { n: number; since: Word }
      'revoked': {}
      'revoked_note': {}
      'muted': {}
      'identity': {}
      'identity.note': {}
      'identity.current': {}
      'identity.newcomer': {}
      'identity.failed': {}
      'name': {}
      'optional': {}
      'save': {}
      'unchanged': {}
      'ports.remove_failed': {}
      'ports': {}
      'ports.show_free': {}
      'ports.only_used': {}
      'ports.none': {}
      'ports.none_used': {}
      'ports.none_do': {}
      'ports.none_used_why': {}
      'ports.address': {}
      'ports.server': {}
      'ports.actions': {}
      'ports.extra': {}
      'ports.held': { holder: Word }
      'ports.free': {}
      'ports.has_server': {}
      'ports.remove': { port: Word }
      'map': {}
      'map.used': { n: Word }
      'map.free': { n: Word }
      'map.taken': { n: Word }
      'map.one_taken': { holder: Word; port: Word }
      'map.one_free': { port: Word }
      'map.more': { n: Word; ranges: Word }
      'ports.added': {}
      'ports.add_title': {}
      'ports.count': { n: number }
      'ports.form': {}
      'ports.ip': {}
      'ports.ip_every': {}
      'ports.ip_every_of': { addresses: Word }
      'ports.needed': {}
      'ports.add': {}
      'players': {}
      'players.saved': {}
      'players.help': {}
      'players.help_has': { addresses: Word }
      'machine': {}
      'machine.id': {}
      'machine.host_name': {}
      'machine.system': {}
      'machine.kernel': {}
      'machine.arch': {}
      'machine.agent': {}
      'machine.unknown': {}
      'saved': {}
      'range': {}
      'range.help': {}
      'range.form': {}
      'location': {}
      'location.no_right': {}
      'location.none': {}
      'location.help': {}
      'location.nowhere': {}
      'danger': {}
      'danger.back_note': {}
      'danger.back': {}
      'danger.revoke_row': {}
      'danger.revoke_note': {}
      'danger.is_revoked': {}
      'danger.revoke': {}
      'danger.remove_row': {}
      'danger.remove_servers': { n: number }
      'danger.remove_note': {}
      'danger.remove': {}
      'danger.revoke_title': { name: Word }
      'danger.revoke_why': {}
      'danger.revoke_done': { name: Word }
      'danger.revoke_failed': {}
      'danger.remove_title': { name: Word }
      'danger.remove_why': {}
      'danger.remove_done': { name: Word }
      'danger.remove_failed': {}
      'danger.force_title': { n: number; name: Word }
      'danger.force': {}
      'danger.force_why': {}
    }
  }
}
