// Written by `npm run texts` from ../en/roles.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    roles: {
      'title': {}
      'role': {}
      'new': {}
      'off.make': {}
      'off.remove': {}
      'off.change': {}
      'off.give': {}
      'off.take': {}
      'off.own': {}
      'off.no_people': {}
      'off.beyond': { rights: Word }
      'list.note': {}
      'list.none': {}
      'list.none_note': {}
      'list.name': {}
      'list.rights': {}
      'list.given': {}
      'list.changed': {}
      'list.to_nobody': {}
      'two_step': {}
      'changed': { ago: Word }
      'delete': {}
      'delete_title': { name: Word }
      'delete_note': { n: number }
      'deleted': { name: Word }
      'not_deleted': {}
      'make.note': {}
      'make.submit': {}
      'edit.title': {}
      'edit.saved': { name: Word }
      'edit.counts': { n: number }
      'edit.change_counts': { change: Word; counts: Word }
      'factor.label': {}
      'factor.note': {}
      'people.title': {}
      'people.give': {}
      'people.none': {}
      'people.none_note': {}
      'people.give_to': {}
      'people.more': {}
      'person.give': {}
      'person.none': {}
      'person.none_admin': {}
      'person.none_note': {}
      'grant.given': { ago: Word }
      'grant.take': {}
      'grant.take_from': { person: Word; role: Word }
      'grant.take_title': { person: Word; role: Word }
      'grant.take_note': { over: Word }
      'grant.not_taken': {}
      'give.title_role': { role: Word }
      'give.title_person': { person: Word }
      'give.note': {}
      'give.done': { person: Word; role: Word }
      'give.no_role': {}
      'give.beyond': { rights: Word }
      'give.lack': { rights: Word }
      'give.submit': {}
      'give.missing.person': {}
      'give.missing.role': {}
      'give.missing.place': { reach: string }
      'give.missing.person_place': { reach: string }
      'give.missing.role_place': { reach: string }
      'over.label': {}
      'over.everything': {}
      'over.location': {}
      'over.node': {}
      'over.server': {}
      'over.no_location': {}
      'over.field.location': {}
      'over.field.node': {}
    }
  }
}
