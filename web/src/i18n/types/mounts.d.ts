// Written by `npm run texts` from ../en/mounts.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    mounts: {
      'note': {}
      'new': {}
      'none': {}
      'none_why': {}
      'col.name': {}
      'col.paths': {}
      'col.offered': {}
      'col.servers': {}
      'col.actions': {}
      'read_only': {}
      'writable': {}
      'self_service': {}
      'where.all': {}
      'where.none': {}
      'where.nodes': { n: number }
      'where.places': { n: number }
      'where.both': { n: number; places: number }
      'to.all': {}
      'to.none': {}
      'to.eggs': { n: number }
      'refusing': { n: number }
      'refusing_which': { names: Word }
      'change': {}
      'change_of': { name: Word }
      'more': { name: Word }
      'delete': {}
      'delete.title': { name: Word }
      'delete.note': {}
      'delete.failed': {}
      'off.create': {}
      'off.update': {}
      'off.delete': {}
      'off.in_use': { n: number }
      'form.used': { n: number }
      'form.name': {}
      'form.description': {}
      'form.optional': {}
      'form.source': {}
      'form.source_help': {}
      'form.target': {}
      'form.target_help': {}
      'form.read_only': {}
      'form.read_only_note': {}
      'form.self_service': {}
      'form.self_service_note': {}
      'form.where': {}
      'form.where_all': {}
      'form.chosen': {}
      'form.nodes': {}
      'form.locations': {}
      'form.to': {}
      'form.to_all': {}
      'form.eggs': {}
      'form.filter': {}
      'form.nothing': {}
      'form.unseen': {}
      'form.make': {}
      'form.save': {}
      'form.no_name': {}
      'form.no_path': {}
      'form.same': {}
      'form.made': { name: Word }
      'form.made_note': {}
      'form.saved': { name: Word }
    }
  }
}
