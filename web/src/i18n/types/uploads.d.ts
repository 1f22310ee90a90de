// Written by `npm run texts` from ../en/uploads.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    uploads: {
      'tray': {}
      'title.going': { n: number }
      'title.done': { n: number }
      'row.going': { left: Word; rate: Word; size: Word }
      'row.sending': { size: Word }
      'row.waiting': {}
      'row.broken': { size: Word }
      'row.paused': { size: Word }
      'row.conflict': {}
      'conflict.overwrite': {}
      'conflict.both': {}
      'conflict.skip': {}
      'conflict.all': {}
      'pause': { name: Word }
      'resume': { name: Word }
      'again': { name: Word }
      'cancel': { name: Word }
      'remove': { name: Word }
      'clear': {}
      'fold': {}
      'unfold': {}
      'more': { n: number }
    }
  }
}
