// Written by `npm run texts` from ../en/nests.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    nests: {
      'filter': {}
      'filter.all': {}
      'filter.none': {}
      'new': {}
      'count': { n: number }
      'outside': {}
      'more': { name: Word }
      'rename': {}
      'delete': {}
      'off.create': {}
      'off.update': {}
      'off.delete': {}
      'off.move': {}
      'off.no_nest': {}
      'off.in_use': { n: number }
      'move': {}
      'into': { nest: Word }
      'fact': {}
      'fact.none': {}
      'fact.move': {}
      'move.title': { egg: Word }
      'move.note': {}
      'move.save': {}
      'move.same': {}
      'move.done': { egg: Word; nest: Word }
      'move.done_out': { egg: Word }
      'edit.title': { name: Word }
      'edit.note': {}
      'edit.name': {}
      'edit.description': {}
      'edit.optional': {}
      'edit.make': {}
      'edit.save': {}
      'edit.no_name': {}
      'edit.same': {}
      'edit.made': { name: Word }
      'edit.saved': { name: Word }
      'delete.title': { name: Word }
      'delete.note': {}
      'delete.failed': {}
    }
  }
}
