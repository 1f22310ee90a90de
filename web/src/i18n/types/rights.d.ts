// Written by `npm run texts` from ../en/rights.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    rights: {
      'group.account': {}
      'group.activity': {}
      'group.admin': {}
      'group.api_key': {}
      'group.audit': {}
      'group.allocation': {}
      'group.backup': {}
      'group.control': {}
      'group.database': {}
      'group.database_host': {}
      'group.backup_store': {}
      'group.egg': {}
      'group.event_consumer': {}
      'group.file': {}
      'group.location': {}
      'group.mount': {}
      'group.nest': {}
      'group.node': {}
      'group.person': {}
      'group.plan': {}
      'group.registry': {}
      'group.role': {}
      'group.schedule': {}
      'group.server': {}
      'group.session': {}
      'group.settings': {}
      'group.startup': {}
      'group.user': {}
      'group.websocket': {}
      'set.server': {}
      'set.node': {}
      'set.egg': {}
      'set.person': {}
      'set.role': {}
      'set.admin': {}
      'share': { most: Word; n: Word }
      'scope.all': {}
      'scope.some': { n: number }
      'few': { n: Word; names: Word }
      'change.added': { added: Word }
      'change.taken': { taken: Word }
      'change.both': { added: Word; taken: Word }
      'reach.everything': {}
      'reach.location': {}
      'reach.node': {}
      'reach.server': {}
      'over.everything': {}
      'over.location': { name: Word }
      'over.node': { name: Word }
      'over.server': { name: Word }
      'over.location_gone': {}
      'over.node_gone': {}
      'over.server_gone': {}
      'pick.search': {}
      'pick.chosen': { all: Word; n: Word }
      'pick.locked_note': {}
      'pick.none': {}
      'pick.all': {}
      'pick.no': {}
      'pick.all_of': { group: Word }
      'pick.no_of': { group: Word }
      'pick.lacked': {}
      'pick.locked': {}
      'missing.name': {}
      'missing.right': {}
      'missing.name_right': {}
    }
  }
}
