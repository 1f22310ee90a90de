// Written by `npm run texts` from ../en/databases.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    databases: {
      'page': {}
      'new': {}
      'count_of': { have: number; most: number }
      'no_right.read': {}
      'no_right.create': {}
      'no_right.password': {}
      'no_right.rotate': {}
      'no_right.delete': {}
      'off.suspended': {}
      'off.full': {}
      'off.busy': {}
      'none': {}
      'none_why': {}
      'none_allowed': {}
      'none_allowed_why': {}
      'field.address': {}
      'field.database': {}
      'field.user': {}
      'field.password': {}
      'field.jdbc': {}
      'field.url': {}
      'field.from': {}
      'most_connections': { n: number }
      'copy.name': {}
      'copy.what': { what: Word }
      'engine.mariadb': {}
      'engine.mysql': {}
      'engine.postgresql': {}
      'state.creating': {}
      'state.ready': {}
      'state.rotating': {}
      'state.dropping': {}
      'problem.away': {}
      'problem.refuses': {}
      'problem.retry': { when: Word }
      'connect': {}
      'connect_to': { name: Word }
      'connect.show': {}
      'connect.note': {}
      'rotate': {}
      'rotate_of': { name: Word }
      'rotate.title': { name: Word }
      'rotate.why': {}
      'rotate.verb': {}
      'rotate.failed': {}
      'rotate.done': { name: Word }
      'delete': {}
      'delete_of': { name: Word }
      'delete.title': { name: Word }
      'delete.why': {}
      'delete.failed': {}
      'create.note': {}
      'create.name': {}
      'create.name_help': {}
      'create.optional': {}
      'create.name_wrong': {}
      'create.host': {}
      'create.host_any': {}
      'create.host_one': { engine: Word; name: Word }
      'create.host_full': { engine: Word; name: Word }
      'create.no_host': {}
      'create.from_help': {}
      'create.connections': {}
      'create.connections_help': {}
      'create.connections_most': { n: number }
      'create.done': { name: Word }
      'create.under_way': { name: Word }
      'cancel': {}
      'limit': {}
      'limit.none': {}
      'limit.no_limit': {}
    }
  }
}
