// Written by `npm run texts` from ../en/server.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    server: {
      'tab.console': {}
      'tab.files': {}
      'tab.install': {}
      'tab.databases': {}
      'tab.backups': {}
      'tab.users': {}
      'tab.activity': {}
      'tab.settings': {}
      'up_for': { since: Word; word: Tag }
      'more': {}
      'open_node': { node: Word }
      'all': {}
      'last_exit': { code: Word }
      'last_exit_oom': { code: Word }
      'nav': {}
      'kill_title': { server: Word }
      'kill_note': {}
      'away': { node: Word }
      'away_end': { node: Word }
      'away_for': { since: Word }
      'away_note': {}
      'away_pending': {}
      'suspended': {}
      'suspended_note': {}
      'installing': {}
      'see_log': {}
      'installing_note': { since: Word; so_far: Word }
      'install_failed': {}
      'reinstall': {}
      'install_exit': { code: Word }
      'install_no_reason': {}
      'crashed': {}
      'not_started': {}
      'no_reason': {}
      'crashed_note': { ago: Word; why: Word }
      'crashed_exit': { ago: Word; code: Word; why: Word }
      'pending': {}
      'pending_note': {}
      'eula.agreed': {}
      'eula.written': {}
      'eula.failed': {}
      'eula.title': {}
      'eula.read': {}
      'eula.agree': {}
      'eula.note': {}
      'activity.may_not': {}
      'activity.audit': {}
      'install.title': {}
      'install.failed_exit': { code: Word }
      'install.failed': {}
      'install.done': {}
      'install.download': {}
      'install.nothing_yet': {}
      'install.nothing': {}
      'install.none': {}
      'install.image': {}
      'install.again': {}
      'tab_short.console': {}
      'tab_short.files': {}
      'tab_short.install': {}
      'tab_short.databases': {}
      'tab_short.backups': {}
      'tab_short.users': {}
      'tab_short.activity': {}
      'tab_short.settings': {}
    }
  }
}
