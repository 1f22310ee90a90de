// Written by `npm run texts` from ../en/archives.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    archives: {
      'running': {}
      'packing': {}
      'unpacking': {}
      'cancel_failed': {}
      'pack.done': {}
      'pack.failed': {}
      'pack.cancelled': {}
      'unpack.done': {}
      'unpack.failed': {}
      'unpack.cancelled': {}
      'left_out': {}
      'format': {}
      'format.zip': {}
      'format.gz': {}
      'format.zst': {}
      'format.slow': {}
      'format.tar': {}
      'name': {}
      'pack.verb': {}
      'unpack.verb': {}
      'unpack.made': {}
      'existing': {}
      'existing.refuse': {}
      'existing.skip': {}
      'existing.replace': {}
      'way': {}
      'read_only': {}
      'content': {}
      'empty': {}
      'more': {}
      'count': { all: number; format: Word; n: number }
      'choose': { name: Word }
      'refused': {}
      'unpack.all': {}
      'unpack.chosen': { n: number }
      'unpack.title': { name: Word }
      'unpack.only': { n: number }
    }
  }
}
