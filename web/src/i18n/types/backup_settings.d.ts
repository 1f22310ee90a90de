// Written by `npm run texts` from ../en/backup_settings.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    backup_settings: {
      'title': {}
      'note': {}
      'optional': {}
      'save': {}
      'saved': {}
      'forget': {}
      'cancel': {}
      'unchanged': {}
      'wrong': {}
      'wrong.number': { from: Word; to: Word }
      'wrong.nothing_kept': {}
      'wrong.no_lines': {}
      'off.create': {}
      'off.retention': {}
      'off.hooks': {}
      'store': {}
      'store.help': {}
      'store.first': { name: Word }
      'store.gone': {}
      'ignore': {}
      'ignore.help': { link: Tag }
      'retention': {}
      'retention.note': {}
      'retention.last': {}
      'retention.days': {}
      'retention.daily': {}
      'retention.weekly': {}
      'retention.monthly': {}
      'retention.all_kept': {}
      'retention.says': { what: Word }
      'retention.says_last': { n: number }
      'retention.says_days': { n: number }
      'retention.says_daily': { n: number }
      'retention.says_weekly': { n: number }
      'retention.says_monthly': { n: number }
      'hooks': {}
      'hooks.note': {}
      'hooks.before': {}
      'hooks.before_help': {}
      'hooks.after': {}
      'hooks.after_help': {}
      'hooks.ready': {}
      'hooks.ready_help': {}
      'hooks.wait': {}
      'hooks.wait_help': {}
      'hooks.offer': { game: Word }
      'hooks.take': {}
      'keys': {}
      'keys.why': {}
      'keys.show': {}
      'keys.may_not': {}
      'keys.title': {}
      'keys.warning': {}
      'keys.warning_why': {}
      'keys.audited': {}
      'keys.none': {}
      'keys.password': {}
      'keys.copy': {}
      'keys.command': {}
      'keys.download': {}
      'keys.have_it': {}
      'file.head': { day: Word; panel: Word; server: Word }
      'file.note': {}
      'file.store': { store: Word }
      'file.repository': { repository: Word }
      'file.password': { password: Word }
    }
  }
}
