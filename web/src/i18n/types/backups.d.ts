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
      'waiting': {}
      'room': { n: number; size: Word }
      'room_of': { most: Word; n: Word; size: Word }
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
      'none_allowed': {}
      'none_allowed_why': {}
      'no_store': {}
      'no_store_why': {}
      'state.running': {}
      'state.done': {}
      'state.failed': {}
      'state.removing': {}
      'cancel': {}
      'cancel_of': { name: Word }
      'change_failed': {}
      'lock': {}
      'lock_of': { name: Word }
      'unlock': {}
      'unlock_of': { name: Word }
      'delete': {}
      'delete_of': { name: Word }
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
      'restore.title': { name: Word }
      'restore.note': {}
      'restore.some': {}
      'restore.some_help': {}
      'restore.safety': {}
      'restore.safety_help': {}
      'restore.start': {}
      'restore.stops': {}
      'restore.choose': {}
      'restore.begun': {}
      'picker': {}
      'picker.up': {}
      'picker.top': {}
      'picker.choose': { name: Word }
      'picker.empty': {}
      'picker.more': {}
      'picker.chosen': { n: number }
      'limit': {}
      'limit.none': {}
      'limit.no_limit': {}
    }
  }
}
