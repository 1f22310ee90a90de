// Written by `npm run texts` from ../en/backups.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    backups: {
      'page': {}
      'new': {}
      'unnamed': {}
      'locked': {}
      'restoring': {}
      'room': {}
      'room.count': {}
      'room.count_of': { text: Word }
      'room.no_limit': {}
      'room.bytes': {}
      'room.quota': {}
      'added': { size: Word }
      'skipped': { n: number }
      'no_right.read': {}
      'no_right.create': {}
      'no_right.restore': {}
      'no_right.delete': {}
      'off.suspended': {}
      'off.full': {}
      'off.running': {}
      'off.restoring': {}
      'off.no_store': {}
      'off.locked': {}
      'off.busy': {}
      'none': {}
      'none_why': {}
      'none_why_size': { size: Word }
      'none_allowed': {}
      'none_allowed_why': {}
      'none_allowed.to': {}
      'no_store': {}
      'no_store_why': {}
      'no_store.to': {}
      'state.running': {}
      'state.done': {}
      'state.failed': {}
      'state.removing': {}
      'cancel': {}
      'cancel_of': { name: Word }
      'change_failed': {}
      'cancel_failed': {}
      'lock': {}
      'unlock': {}
      'more_of': { name: Word }
      'rename': {}
      'rename.title': {}
      'delete': {}
      'delete.title': { name: Word }
      'delete.failed': {}
      'delete.why': {}
      'optional': {}
      'field.name': {}
      'field.store': {}
      'field.store_usual': {}
      'field.ignore': {}
      'field.ignore_help': {}
      'create.note': {}
      'create.verb': {}
      'create.done': {}
      'restore': {}
      'restore_of': { name: Word }
      'restore.some_of': {}
      'restore.title': { name: Word }
      'restore.note': {}
      'restore.some': {}
      'restore.some_help': {}
      'restore.safety': {}
      'restore.safety_help': {}
      'restore.no_safety': {}
      'restore.start': {}
      'restore.stops': {}
      'restore.choose': {}
      'restore.begun': {}
      'restore.begun_on': { server: Word }
      'target': {}
      'target.own': {}
      'target.other': {}
      'target.which': {}
      'target.none': {}
      'target.choose': {}
      'target.may_not': {}
      'target.same_node': {}
      'target.any_node': {}
      'picker': {}
      'picker.way': {}
      'picker.root': {}
      'picker.up': {}
      'picker.choose': { name: Word }
      'picker.covered': { folder: Word }
      'picker.full': { n: number }
      'picker.empty': {}
      'picker.more': {}
      'picker.chosen': { n: number }
      'picker.chosen_list': {}
      'picker.drop': { path: Word }
      'limit': {}
      'limit.none': {}
      'limit.no_limit': {}
    }
  }
}
