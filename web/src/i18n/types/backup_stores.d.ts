// Written by `npm run texts` from ../en/backup_stores.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    backup_stores: {
      'note': {}
      'new': {}
      'none': {}
      'none_why': {}
      'no_right.create': {}
      'no_right.update': {}
      'no_right.delete': {}
      'off.in_use': {}
      'kind.directory': {}
      'kind.s3': {}
      'kind_help.directory': {}
      'kind_help.s3': {}
      'path_usual': {}
      'fact.backups': { n: number }
      'fact.nodes': { n: number }
      'field.name': {}
      'field.kind': {}
      'field.path': {}
      'field.path_help': {}
      'field.endpoint': {}
      'field.region': {}
      'field.bucket': {}
      'field.prefix': {}
      'field.access_key': {}
      'field.secret_key': {}
      'field.secret_key_help': {}
      'field.secret_key_kept': {}
      'field.nodes': {}
      'field.nodes_help': {}
      'edit': {}
      'save': {}
      'saved': { name: Word }
      'cancel': {}
      'close': {}
      'test': {}
      'test.title': { name: Word }
      'test.note': {}
      'test.node': {}
      'test.no_node': {}
      'test.ok': {}
      'delete': {}
      'delete.title': { name: Word }
      'delete.failed': {}
      'delete.why': {}
    }
  }
}
