// Written by `npm run texts` from ../en/plans.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    plans: {
      'page': {}
      'no_right.make': {}
      'no_right.change': {}
      'no_right.remove': {}
      'new': {}
      'about': {}
      'none': {}
      'none_why': {}
      'no_standard': {}
      'table.name': {}
      'table.people': {}
      'table.actions': {}
      'table.standard': {}
      'no_limit': {}
      'people.put': { n: number }
      'people.all_others_long': { n: number }
      'people.all_others': {}
      'people.nobody': {}
      'people.and_all_others': {}
      'change': {}
      'change_one': { name: Word }
      'more': {}
      'more_of': { name: Word }
      'standard.no_longer': {}
      'standard.make': {}
      'standard.leave_title': { name: Word }
      'standard.make_title': { name: Word }
      'standard.have_none': {}
      'standard.failed': {}
      'standard.leave_note': {}
      'standard.make_note': {}
      'standard.make_note_instead': { before: Word }
      'delete': {}
      'delete.title': { name: Word }
      'delete.failed': {}
      'delete.done': { name: Word }
      'delete.note': {}
      'edit.note': {}
      'edit.new_note': {}
      'edit.saved': { name: Word }
      'edit.made': { name: Word }
      'edit.made_note': {}
      'edit.name_needed': {}
      'edit.wrong_number': {}
      'edit.unchanged': {}
      'edit.empty': {}
      'edit.save': {}
      'edit.make': {}
      'field.servers': {}
      'field.memory_bytes': {}
      'field.disk_bytes': {}
      'field.cpu_percent': {}
      'field.ports': {}
      'field.subusers': {}
      'field.databases': {}
      'field.backups': {}
      'field.backup_bytes': {}
      'note.percent': {}
      'help.memory_bytes': {}
      'help.ports': {}
      'help.subusers': {}
      'means.size_help': { help: Word; size: Word }
      'means.cores': { cores: Word; percent: number }
      'wrong': {}
      'source.standard': { name: Word }
      'source.plan': { name: Word }
      'source.own': {}
      'source.own_none': {}
      'bound': {}
      'kept.people': { n: number }
      'kept.standard': {}
      'refused.own_rights': {}
      'refused.plan_in_use': {}
    }
  }
}
