// Written by `npm run texts` from ../en/api_key.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    api_key: {
      'title': {}
      'new': {}
      'none': {}
      'none_note': {}
      'delete': {}
      'delete_of': { name: Word }
      'delete_title': { name: Word }
      'delete_note': {}
      'not_deleted': {}
      'more_of': { name: Word; what: Word }
      'permissions': {}
      'only_from': { addresses: Word }
      'fact.used': { ago: Word }
      'fact.never_used': {}
      'fact.from': { from: Word }
      'fact.from_anywhere': {}
      'fact.rate': { n: number }
      'card.may': {}
      'card.from': {}
      'card.rate': {}
      'card.used': {}
      'card.never': {}
      'card.end': {}
      'card.anywhere': {}
      'addresses': { n: number }
      'make.title': {}
      'make.made': {}
      'make.once': {}
      'make.name_help': {}
      'make.submit': {}
      'make.have_it': {}
      'make.send_as': { code: Tag }
      'life.days': { n: number }
      'life.year': {}
      'life.always': {}
      'no_permission': {}
      'rate.label': {}
      'rate.help': { most: Word }
      'rate.wrong': { most: Word }
      'rate.off': { most: Word }
      'scope.label': {}
      'scope.all': {}
      'scope.some': {}
      'scope.all_note': {}
      'scope.some_note': {}
      'from.label': {}
      'from.help': {}
      'from.refused': { line: Word; text: Word; why: Word }
    }
  }
}
