// Written by `npm run texts` from ../en/operations.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    operations: {
      'title': {}
      'kind.install': {}
      'kind.reinstall': {}
      'kind.delete': {}
      'kind.backup': {}
      'kind.restore': {}
      'kind.forget': {}
      'kind.handover': {}
      'kind.archive': {}
      'kind.extract': {}
      'kind.download': {}
      'cancel_failed': {}
      'failed_ago': { ago: Word }
      'lost_ago': { ago: Word }
      'waiting': {}
      'at_work': {}
      'left': { time: Word }
      'took': { time: Word }
      'state.failed': {}
      'state.lost': {}
      'state.cancelled': {}
      'log': {}
      'running': { n: number }
      'failed': { n: Word }
      'recent': { n: number }
      'clear': {}
      'none': {}
      'all': {}
      'goes_on': {}
      'page_none': {}
      'page_none_note': {}
    }
  }
}
