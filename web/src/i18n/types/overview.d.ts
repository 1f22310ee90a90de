// Written by `npm run texts` from ../en/overview.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    overview: {
      'tally.running': {}
      'tally.moving': {}
      'tally.stopped': {}
      'tally.look': {}
      'tally.failed': {}
      'tally_short.running': {}
      'tally_short.moving': {}
      'tally_short.stopped': {}
      'tally_short.look': {}
      'tally_short.failed': {}
      'title': {}
      'node.for': { n: number; since: Word }
      'node.servers': { n: number }
      'node.memory': { percent: Word }
      'node.cores': { all: Word; used: Word }
      'trouble': {}
      'open_list': {}
      'ready': {}
      'newest': {}
      'busiest': {}
      'nodes': {}
      'all_operations': {}
    }
  }
}
