// Written by `npm run texts` from ../en/registries.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    registries: {
      'page': {}
      'new': {}
      'no_right': {}
      'about': {}
      'none': {}
      'none_why': {}
      'as_user': { name: Word }
      'token_alone': {}
      'added': { when: Word }
      'changed': { when: Word }
      'change': {}
      'delete': {}
      'delete_title': { host: Word }
      'delete_failed': {}
      'delete_note': {}
      'edit.title': { host: Word }
      'edit.note': {}
      'edit.new_note': {}
      'edit.changed': { host: Word }
      'edit.added': { host: Word }
      'edit.done_note': {}
      'edit.host': {}
      'edit.host_help': {}
      'edit.user': {}
      'edit.optional': {}
      'edit.user_help': {}
      'edit.password': {}
      'edit.password_help': {}
      'edit.missing': { what: string }
      'edit.replace': {}
      'edit.add': {}
    }
  }
}
