// Written by `npm run texts` from ../en/credentials.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    credentials: {
      'ends.never': {}
      'ends.ends': { when: Word }
      'ends.ended': { when: Word }
      'name': {}
      'name_needed': {}
      'works_for': {}
    }
  }
}
