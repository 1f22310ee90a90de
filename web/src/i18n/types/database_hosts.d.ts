// Written by `npm run texts` from ../en/database_hosts.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    database_hosts: {
      'page': {}
      'about': {}
      'new': {}
      'no_right.create': {}
      'no_right.update': {}
      'no_right.delete': {}
      'none': {}
      'none_why': {}
      'engine.mariadb': {}
      'engine.mysql': {}
      'engine.postgresql': {}
      'fact.as': { name: Word }
      'fact.count': { n: number }
      'fact.count_of': { most: number; n: number }
      'fact.all': {}
      'fact.some': { locations: number; nodes: number }
      'troubled': { n: number }
      'list': {}
      'list_of': { name: Word }
      'test': {}
      'test_of': { name: Word }
      'change': {}
      'change_of': { name: Word }
      'delete': {}
      'delete_of': { name: Word }
      'delete.title': { name: Word }
      'delete.why': {}
      'delete.failed': {}
      'delete.in_use': {}
      'test.title': { name: Word }
      'test.busy': {}
      'test.ok': {}
      'test.bad': {}
      'test.version': {}
      'test.connect': {}
      'test.latency': {}
      'test.ms': { n: number }
      'test.missing': {}
      'test.warnings': {}
      'test.again': {}
      'code.unreachable': {}
      'code.timed_out': {}
      'code.tls': {}
      'code.wrong_engine': {}
      'code.credentials': {}
      'code.privileges': {}
      'code.busy': {}
      'code.refused': {}
      'code.sealed': {}
      'hosted.none': {}
      'hosted.of': { server: Word }
      'hosted.deleted': { server: Word }
      'hosted.gone': {}
      'hosted.tries': { n: number; when: Word }
      'forget': {}
      'forget_of': { name: Word }
      'forget.title': { name: Word }
      'forget.why': {}
      'forget.failed': {}
      'field.name': {}
      'field.engine': {}
      'field.address': {}
      'field.address_help': {}
      'field.port': {}
      'field.public_address': {}
      'field.public_help': {}
      'field.public_port': {}
      'field.username': {}
      'field.username_help': {}
      'field.password': {}
      'field.password_help': {}
      'field.password_kept': {}
      'field.tls': {}
      'tls.off': {}
      'tls.require': {}
      'tls.verify': {}
      'field.ca': {}
      'field.ca_help': {}
      'field.most_databases': {}
      'field.most_connections': {}
      'field.no_limit': {}
      'field.places': {}
      'field.places_help': {}
      'field.locations': {}
      'field.nodes': {}
      'optional': {}
      'missing': { what: Word }
      'save.new': {}
      'save.change': {}
      'save.added': { name: Word }
      'save.changed': { name: Word }
      'save.test_next': {}
      'cancel': {}
    }
  }
}
