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
      'trouble': {}
      'open_list': {}
      'node.servers': { n: number }
      'ready': {}
      'newest': {}
      'busiest': {}
      'nodes': {}
      'node.memory': { percent: Word }
      'node.cores': { all: Word; used: Word }
      'all_operations': {}
    }
  }
}
