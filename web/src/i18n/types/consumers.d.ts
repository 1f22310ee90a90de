// Written by `npm run texts` from ../en/consumers.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    consumers: {
      'page': {}
      'about': {}
      'new': {}
      'none': {}
      'none_why': {}
      'reads.all': {}
      'reads.named': { servers: Word }
      'reads.some': { n: number }
      'made_at': { when: Word }
      'revoke': {}
      'revoke_title': { name: Word }
      'revoke_failed': {}
      'revoke_note': {}
      'life.longest': {}
      'life.days': { n: number }
      'new_title': {}
      'made_title': { name: Word }
      'made_note': {}
      'name_help': {}
      'make': {}
      'choose_one': {}
      'scope': {}
      'scope.all': {}
      'scope.some': {}
      'scope.search': {}
      'made.save': {}
      'made.credential': {}
      'made.servers': {}
      'made.subjects': {}
      'made.stream': {}
      'made.durable': { names: Word; stream: Word }
      'made.ca': {}
      'made.save_ca': {}
      'made.try': {}
      'made.done': {}
    }
  }
}
