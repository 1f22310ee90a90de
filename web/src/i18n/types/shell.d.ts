// Written by `npm run texts` from ../en/shell.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    shell: {
      'to_content': {}
      'exposed.title': {}
      'exposed.note': {}
      'place.overview': {}
      'place.servers': {}
      'place.nodes': {}
      'place.eggs': {}
      'place.people': {}
      'place.roles': {}
      'place.plans': {}
      'place.audit': {}
      'place.operations': {}
      'place.consumers': {}
      'place.registries': {}
      'place.database_hosts': {}
      'place.backup_stores': {}
      'place.mounts': {}
      'place.settings': {}
      'place.locations': {}
      'place.account': {}
      'nav.main': {}
      'nav.breadcrumb': {}
      'nav.administration': {}
      'nav.home': {}
      'help': {}
      'account_of': { name: Word }
      'theme': {}
      'theme.system': {}
      'theme.dark': {}
      'theme.light': {}
      'theme.contrast': {}
      'api_reference': {}
      'sign_out': {}
      'operations_button': { failed: number; running: Word }
      'search': {}
      'bar.find': {}
      'bar.more': {}
      'bar.operations': {}
      'bar.account': {}
      'palette.none': {}
      'palette.do_with': { server: Word }
      'palette.go_to': {}
      'palette.commands': {}
      'palette.console': {}
      'palette.files': {}
      'palette.settings': {}
      'palette.users': {}
      'palette.users_words': {}
      'palette.databases': {}
      'palette.databases_words': {}
      'palette.backups': {}
      'palette.backups_words': {}
      'palette.activity': {}
      'palette.activity_words': {}
      'palette.copy_address': {}
      'palette.node_words': {}
      'palette.place_words': {}
      'palette.locations_words': {}
      'palette.account_words': {}
      'palette.new_server': {}
      'palette.new_egg_server': { egg: Word }
      'palette.add_node': {}
      'palette.add_node_words': {}
      'palette.new_person': {}
      'palette.new_person_words': {}
      'palette.new_role': {}
      'palette.new_role_words': {}
      'palette.new_plan': {}
      'palette.new_plan_words': {}
      'palette.new_mount': {}
      'palette.new_mount_words': {}
      'palette.theme.dark': {}
      'palette.theme.light': {}
      'palette.theme.contrast': {}
      'palette.move': {}
      'palette.open': {}
      'key.ctrl': {}
      'key.ctrl_k': {}
      'key.enter': {}
      'key.esc': {}
      'key.tab': {}
      'key.page_up': {}
      'key.end': {}
      'shortcuts.title': {}
      'shortcuts.note': {}
      'shortcuts.anywhere': {}
      'shortcuts.find': {}
      'shortcuts.search': {}
      'shortcuts.this_list': {}
      'shortcuts.close': {}
      'shortcuts.console': {}
      'shortcuts.earlier': {}
      'shortcuts.complete': {}
      'shortcuts.console_search': {}
      'shortcuts.older': {}
      'shortcuts.newest': {}
      'shortcuts.editor': {}
      'shortcuts.save': {}
      'second_step.title': {}
      'second_step.set_up': {}
      'line.title': {}
      'line.retry': {}
      'line.note': { since: Word; wait: Word }
      'view_as': {}
      'view_as.title': { name: Word }
      'view_as.note': {}
      'view_as.stop': {}
      'view_as.failed': {}
      'key.delete': {}
      'shortcuts.files': {}
      'shortcuts.files_open': {}
      'shortcuts.files_rename': {}
      'shortcuts.files_delete': {}
      'shortcuts.files_cut': {}
      'shortcuts.files_paste': {}
      'shortcuts.files_all': {}
      'shortcuts.files_up': {}
      'shortcuts.editor_find': {}
      'shortcuts.editor_line': {}
      'shortcuts.editor_leave': {}
      'shortcuts.files_copy': {}
    }
  }
}
