// Written by `npm run texts` from ../en/settings.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    settings: {
      'title': {}
      'note': {}
      'looks': {}
      'name': {}
      'name_help': {}
      'accent': {}
      'accent_own': {}
      'accent_help': {}
      'accent_pick': {}
      'language': {}
      'language_help': {}
      'access': {}
      'sign_up': {}
      'sign_up_help': {}
      'sign_up_mail': {}
      'domains': {}
      'domains_help': {}
      'invite': {}
      'second': {}
      'second_nobody': {}
      'second_admins': {}
      'second_everyone': {}
      'second_help': {}
      'days': {}
      'days_unit': {}
      'mail': {}
      'mail_on': { server: Word }
      'mail_off': {}
      'mail_configured': {}
      'mail_here': {}
      'mail_change': {}
      'mail_keep': {}
      'mail_clear': {}
      'mail_url': {}
      'mail_url_help': {}
      'mail_from': {}
      'mail_from_help': {}
      'mail_test': { to: Word }
      'mail_sent': {}
      'mail_sent_note': { ms: number; to: Word }
      'password_help': {}
      'save': {}
      'saved': {}
      'may_not': {}
      'unchanged': {}
    }
  }
}
