// Written by `npm run texts` from ../en/server_mounts.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    server_mounts: {
      'title': {}
      'note': {}
      'what': {}
      'list': {}
      'read_only': {}
      'switch': { name: Word }
      'at': { path: Word }
      'from': { path: Word }
      'refused': {}
      'no_longer': {}
      'staff': {}
      'on': { name: Word }
      'off': { name: Word }
      'next_start': {}
      'next_start_off': {}
      'failed': { name: Word }
      'node.title': {}
      'node.none': {}
    }
  }
}
