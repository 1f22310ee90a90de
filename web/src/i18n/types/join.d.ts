// Written by `npm run texts` from ../en/join.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    join: {
      'title': {}
      'title_back': { name: Word }
      'note': {}
      'note_back': {}
      'no_address': {}
      'local_only': {}
      'card.run': {}
      'card.until': { at: Word; time: Tag }
      'card.out': {}
      'new_one': {}
      'card.systems': {}
      'card.script': {}
      'card.ready': { name: Word }
      'open': { name: Word }
      'card.connects': { name: Word }
      'waiting': {}
      'card.by_itself': {}
      'card.other': {}
      'life.hours': { n: number }
      'life.days': { n: number }
      'range': {}
      'range.help': {}
      'range.wrong': {}
      'labels': {}
      'labels.help': {}
      'optional': {}
      'works_for': {}
      'machines': {}
      'machines.help': {}
      'connected': { name: Word }
      'connected.note': {}
      'foot': {}
      'foot_back': { name: Word }
      'make': {}
      'keeps': { n: number; name: Word }
      'revoke_failed': {}
      'way': {}
      'way.install': {}
      'way.hand': {}
      'left': { b: Tag; span: Word }
      'left.none': {}
      'shown_once': {}
      'step.run': {}
      'step.asked': { host: Word }
      'step.waits': { span: Word }
      'step.taken_back': { name: Word }
      'step.registered_as': { name: Word }
      'step.registered': {}
      'step.connected': {}
      'step.connecting': {}
      'step.own_key': {}
      'step.own_key_rtt': { ms: Word }
      'step.ready_for': {}
      'step.ready': {}
      'may_close': {}
      'may_close_back': {}
      'revoke': {}
      'done': {}
      'threads': { n: Word }
      'cgroup': { version: Word }
    }
  }
}
