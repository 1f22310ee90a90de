// Written by `npm run texts` from ../en/sftp.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    sftp: {
      'title': {}
      'note': {}
      'host': {}
      'port': {}
      'username': {}
      'address': {}
      'fingerprint': { algorithm: Word }
      'copy': { what: Word }
      'proof': { link: Tag }
      'proof_two_steps': { link: Tag }
    }
  }
}
