// Written by `npm run texts` from ../en/upload_limit.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    upload_limit: {
      'limit': {}
      'mib': {}
      'panel': {}
      'none': {}
      'too_large': { most: Word; name: Word; size: Word }
    }
  }
}
