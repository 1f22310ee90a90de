// Written by `npm run texts` from ../en/first_run.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    first_run: {
      'title': {}
      'note': {}
      'then': {}
      'then_note': {}
      'own_eggs': {}
      'signed_in': { name: Word }
    }
  }
}
