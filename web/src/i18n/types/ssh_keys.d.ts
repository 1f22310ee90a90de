// Written by `npm run texts` from ../en/ssh_keys.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    ssh_keys: {
      'title': {}
      'add': {}
      'most': { n: number }
      'none': {}
      'none_note': {}
      'made': { when: Word }
      'used': { when: Word }
      'never': {}
      'rename': {}
      'rename_of': { name: Word }
      'rename_title': {}
      'remove': {}
      'remove_of': { name: Word }
      'remove_title': { name: Word }
      'remove_note': {}
      'removed_not': {}
      'add_note': {}
      'key': {}
      'key_help': {}
      'name': {}
      'name_help': {}
      'name_needed': {}
      'key_needed': {}
      'password_help': {}
      'cancel': {}
      'added': {}
    }
  }
}
