// Written by `npm run texts` from ../en/people.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    people: {
      'title': {}
      'person': {}
      'new': {}
      'off.make': {}
      'off.change': {}
      'off.remove': {}
      'off.suspend': {}
      'off.admins': {}
      'list.search': {}
      'list.none': {}
      'list.none_note': {}
      'list.order': {}
      'list.no_rights': {}
      'list.more_roles': { n: Word }
      'list.name': {}
      'list.roles': {}
      'list.two_step': {}
      'list.with_two_step': {}
      'list.servers': {}
      'list.last_seen': {}
      'list.made': {}
      'list.you': { name: Word; you: Tag }
      'list.server_count': { n: number }
      'list.first_password': {}
      'list.signed_out': {}
      'admin': {}
      'you': {}
      'on': {}
      'off': {}
      'what_they_did': {}
      'facts.title': {}
      'facts.id': {}
      'facts.servers': {}
      'facts.last_seen': {}
      'facts.signed_out': {}
      'facts.password': {}
      'facts.first_password': {}
      'facts.own_password': {}
      'facts.two_step': {}
      'facts.made': {}
      'details.title': {}
      'details.saved': {}
      'danger.title': {}
      'danger.not_changed': {}
      'danger.admin': {}
      'danger.admin_note': {}
      'danger.admin_own': {}
      'danger.admin_only': {}
      'danger.admin_label': { name: Word }
      'danger.admin_end': { name: Word }
      'danger.admin_make': { name: Word }
      'danger.admin_end_verb': {}
      'danger.admin_make_verb': {}
      'danger.admin_end_note': {}
      'danger.admin_make_text': {}
      'danger.reset': {}
      'danger.reset_title': {}
      'danger.reset_own': {}
      'danger.reset_own_off': {}
      'danger.reset_note': {}
      'danger.reset_ask': { name: Word }
      'danger.reset_warning': {}
      'danger.reset_failed': {}
      'danger.new_password': { name: Word }
      'danger.once': {}
      'danger.factor_title': {}
      'danger.factor_own': {}
      'danger.factor_own_off': {}
      'danger.factor_note': {}
      'danger.turn_off': {}
      'danger.factor_ask': { name: Word }
      'danger.factor_warning': {}
      'danger.factor_done': { name: Word }
      'danger.factor_failed': {}
      'danger.remove': {}
      'danger.remove_note': {}
      'danger.remove_owner': { n: number }
      'danger.remove_owner_off': { n: number }
      'danger.remove_own': {}
      'danger.remove_ask': { name: Word }
      'danger.remove_warning': {}
      'danger.removed': { name: Word }
      'danger.remove_failed': {}
      'suspension.badge': {}
      'suspension.since': { ago: Word }
      'suspension.since_why': { ago: Word }
      'suspension.no_reason': {}
      'suspension.lifted': { name: Word }
      'suspension.lift_failed': {}
      'suspension.lift_title': {}
      'suspension.lift_note': {}
      'suspension.lift': {}
      'suspension.change': {}
      'suspension.suspend': {}
      'suspension.note': {}
      'suspension.why': { name: Word }
      'suspension.ask': { name: Word }
      'suspension.changed': {}
      'suspension.done': { name: Word }
      'suspension.too_many': { n: number }
      'suspension.too_long': {}
      'suspension.signed_out': {}
      'suspension.keys': {}
      'suspension.servers': { n: number }
      'suspension.reason': {}
      'suspension.reason_help': {}
      'suspension.length': { most: Word; n: Word }
      'create.made': { name: Word }
      'create.once': {}
      'create.mail_off': { page: Word; setting: Word }
      'create.username_help': {}
      'create.password': {}
      'create.way.show': {}
      'create.way.invite': {}
      'create.way_note.show': {}
      'create.way_note.invite': {}
      'create.admin': {}
      'create.admin_note': {}
      'create.missing.name': {}
      'create.missing.email': {}
      'create.missing.both': {}
      'create.send': {}
      'create.make': {}
      'first.password': {}
      'first.note': { name: Word }
      'first.have_it': {}
      'invited.sent': { email: Word }
      'invited.note': {}
      'invited.done': {}
    }
  }
}
