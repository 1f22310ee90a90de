// Written by `npm run texts` from ../en/audit.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    audit: {
      'node_gone': {}
      'not_logged_in': {}
      'panel': {}
      'somebody_gone': {}
      'somebody': {}
      'through.node': {}
      'through.key': { key: Word; name: Tag }
      'through.key_gone': {}
      'no_account': {}
      'log': {}
      'on_server': { name: Word; server: Tag }
      'server_gone': {}
      'no_address': {}
      'not_shown': {}
      'details': {}
      'details_of': { what: Word }
      'details.none': {}
      'details.left': { n: number }
      'details.copy': {}
      'details.before': {}
      'details.after': {}
      'details.no_values': {}
      'details.empty': {}
      'list.none_fits': {}
      'list.none': {}
      'list.none_fits_why': {}
      'list.none_why': {}
      'list.label': {}
      'list.when': {}
      'list.who': {}
      'list.what': {}
      'list.on_what': {}
      'list.from': {}
      'filter.clear': {}
      'filter.person': {}
      'filter.every_person': {}
      'filter.person_off': {}
      'filter.server': {}
      'filter.every_server': {}
      'filter.action': {}
      'filter.every_action': {}
      'filter.action_search': {}
      'filter.action_none': {}
      'filter.today': {}
      'filter.last_days': { n: Word }
      'filter.days': {}
      'filter.any_day': {}
      'filter.from': {}
      'filter.to': {}
      'page': {}
      'about': { code: Tag }
      'backwards': {}
      'download': {}
      'download.fitting': {}
      'download.all': {}
      'download.jsonl': {}
      'download.csv': {}
    }
  }
}
