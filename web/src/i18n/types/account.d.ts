// Written by `npm run texts` from ../en/account.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    account: {
      'title': {}
      'password.title': {}
      'password.changed': {}
      'password.changed_note': {}
      'theme.title': {}
      'theme.system': {}
      'theme.dark': {}
      'theme.light': {}
      'theme.contrast': {}
      'browser.on': { browser: Word; system: Word }
      'browser.unknown': {}
      'used': { ago: Word }
      'never_used': {}
      'sessions.title': {}
      'sessions.this': {}
      'sessions.seen': { ago: Word }
      'sessions.since': { ago: Word }
      'sessions.own': {}
      'sessions.end': {}
      'sessions.end_title': {}
      'sessions.end_note': { address: Word; browser: Word }
      'sessions.not_ended': {}
      'passkeys.title': {}
      'passkeys.full': { most: Word }
      'passkeys.add': {}
      'passkeys.none': {}
      'passkeys.none_note': {}
      'passkeys.synced': {}
      'passkeys.one_device': {}
      'passkeys.made': { ago: Word }
      'passkeys.used': { ago: Word }
      'passkeys.never_used': {}
      'passkeys.host': { host: Word }
      'passkeys.more': {}
      'passkeys.more_of': { name: Word }
      'passkeys.rename': {}
      'passkeys.rename_of': { name: Word }
      'passkeys.rename_title': {}
      'passkeys.remove': {}
      'passkeys.remove_of': { name: Word }
      'passkeys.remove_title': { name: Word }
      'passkeys.remove_note': {}
      'passkeys.not_removed': {}
      'passkeys.add_note': {}
      'passkeys.why_password': {}
      'passkeys.asked': {}
      'passkeys.dismissed': {}
      'passkeys.added': {}
      'passkeys.added_note': { name: Word }
      'passkeys.name_help': {}
      'go_on': {}
      'logins.title': {}
      'logins.connected': { ago: Word }
      'logins.not_connected': {}
      'logins.not_offered': {}
      'logins.connect': {}
      'logins.connect_of': { provider: Word }
      'logins.connect_note': {}
      'logins.why_password': {}
      'logins.disconnect': {}
      'logins.disconnect_of': { name: Word; provider: Word }
      'logins.disconnect_title': { provider: Word }
      'logins.disconnect_note': { name: Word }
      'logins.not_disconnected': {}
      'two_step.title': {}
      'two_step.on': {}
      'two_step.set_up': {}
      'two_step.off_note': {}
      'two_step.role_waits': {}
      'two_step.turn_off': {}
      'two_step.new_codes': {}
      'two_step.since': { ago: Word }
      'two_step.codes_left': { all: Word; count: Tag; n: Word }
      'two_step.codes_few': { all: Word; count: Tag; n: Word }
      'two_step.keep_first': {}
      'two_step.is_on': {}
      'two_step.begin': {}
      'two_step.ended': {}
      'two_step.will_end': {}
      'two_step.codes_replaced': {}
      'two_step.codes_end': {}
      'two_step.make_codes': {}
      'two_step.is_off': {}
      'two_step.off_title': {}
      'two_step.off_warning': {}
      'profile.title': {}
      'profile.saved': {}
      'profile.link_sent': {}
      'profile.link_sent_note': { address: Word }
      'profile.pending': { address: Word }
      'profile.current_password': {}
      'profile.why_password': {}
      'profile.unconfirmed': {}
      'profile.send_link': {}
      'profile.confirm_sent': {}
    }
  }
}
