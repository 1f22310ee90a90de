// Written by `npm run texts` from ../en/sign_up.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    sign_up: {
      'page': {}
      'note': {}
      'name': {}
      'name_help': {}
      'email': {}
      'send': {}
      'closed': {}
      'asked': {}
      'asked_note': { email: Word }
      'spam': {}
      'back': {}
    }
  }
}
