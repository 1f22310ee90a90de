// Written by `npm run texts` from ../en/locations.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    locations: {
      'title': {}
      'new': {}
      'no_right': {}
      'none': {}
      'nodes': { n: number }
      'change': {}
      'change_one': { name: Word }
      'delete': {}
      'delete_one': { name: Word }
      'in_use': { n: number }
      'delete_title': { name: Word }
      'delete_failed': {}
      'delete_note': {}
      'edit.new_note': {}
      'edit.saved': { name: Word }
      'edit.made': { name: Word }
      'edit.name': {}
      'edit.name_help': {}
      'edit.description': {}
      'edit.optional': {}
      'edit.name_needed': {}
      'edit.save': {}
      'edit.make': {}
    }
  }
}
