// Written by `npm run texts` from ../en/console.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    console: {
      'input.busy': {}
      'input.off': {}
      'input.unanswered': {}
      'input.broken': {}
      'input.not_taken': { why: Word }
      'input.refused': {}
      'input.may_not': {}
      'input.away': { node: Word }
      'input.away_short': { node: Word }
      'input.nobody': { server_is: Word }
      'input.placeholder': {}
      'input.history': { n: number }
      'input.complete': {}
      'input.tab': {}
      'input.nothing': {}
      'input.send': {}
      'input.sending': {}
      'input.lines': { n: number }
      'search.busy': {}
      'search.matches': {}
      'search.none': {}
      'search.most': { n: Word }
      'search.around': {}
      'search': {}
      'level.all': {}
      'level.warn': {}
      'level.error': {}
      'older.failed': {}
      'older.none': {}
      'older': {}
      'hole.failed': {}
      'hole.lost': { size: Word }
      'hole.span': { from: Word; to: Word }
      'hole.again': {}
      'hole.busy': {}
      'title': {}
      'levels': {}
      'times': {}
      'wrap': {}
      'download': {}
      'smaller': {}
      'full': {}
      'new_lines': { n: number }
      'silent': {}
      'silent_off': {}
      'live.away': {}
      'live.stored': {}
      'live.on': {}
      'live.off': {}
      'live.connecting': {}
      'live.ended': {}
      'find.label': {}
      'find.placeholder': {}
      'find.none': {}
      'find.at': { count: Word; index: Word }
      'find.earlier': {}
      'find.later': {}
      'find.two': {}
      'find.history': {}
      'find.close': {}
      'hole_reason.slow': {}
      'hole_reason.rate': {}
      'hole_reason.cap': {}
      'hole_reason.disk': {}
      'hole_reason.away': {}
      'hole_reason.missing': {}
      'output': {}
      'read_only': {}
    }
  }
}
