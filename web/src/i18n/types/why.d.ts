// Written by `npm run texts` from ../en/why.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    why: {
      'title': {}
      'right': {}
      'on': {}
      'place.panel': {}
      'place.server': {}
      'place.node': {}
      'group': { group: Word; section: Word }
      'option': { key: Word; what: Word }
      'node': {}
      'note': {}
      'allowed': {}
      'not_allowed': {}
      'nothing': { name: Word }
      'each': {}
      'waits': {}
      'because': {}
      'waiting': {}
      'reason.admin': { name: Word }
      'reason.owner': { name: Word }
      'reason.share': {}
      'reason.sees': {}
    }
  }
}
