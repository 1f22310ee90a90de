// Written by `npm run texts` from ../en/transfers.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    transfers: {
      'title': {}
      'note': { node: Word }
      'what': {}
      'begin': {}
      'no_other': {}
      'begun': {}
      'way': { from: Word; to: Word }
      'state.copying': {}
      'queued': {}
      'state.ready': {}
      'state.stopping': {}
      'state.last': {}
      'state.placing': {}
      'state.starting': {}
      'state.undoing': {}
      'state.done': {}
      'state.failed': {}
      'state.cancelled': {}
      'steps': {}
      'step.copy': {}
      'step.stop': {}
      'step.last': {}
      'step.start': {}
      'pass': { n: Word }
      'files': { n: number; size: Word }
      'expected': { time: Word }
      'real': { time: Word }
      'skipped': { n: number }
      'go': {}
      'go.failed': {}
      'cancel': {}
      'cancel.title': { server: Word }
      'cancel.note': {}
      'cancel.failed': {}
      'cancel.late': {}
      'dialog.title': { server: Word }
      'dialog.note': {}
      'dialog.stops': {}
      'field.node': {}
      'field.ports': {}
      'field.ports_note': {}
      'field.away': { node: Word }
      'field.port': { port: Word }
      'field.any': {}
      'field.wait': {}
      'field.wait_help': {}
      'close': {}
      'not_possible': {}
    }
  }
}
