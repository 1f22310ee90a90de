// Written by `npm run texts` from ../en/door.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    door: {
      'or': {}
      'exposed.title': {}
      'exposed.note': {}
      'suspended.go_on': {}
      'sign_in': {}
      'back': {}
      'login.title': { panel: Word }
      'login.two_step': {}
      'login.app_code': {}
      'login.recovery_code': {}
      'login.bad_credentials': {}
      'login.bad_code': {}
      'login.fresh': {}
      'login.name': {}
      'login.password': {}
      'login.forgot': {}
      'login.sign_up': {}
      'login.passkey': {}
      'login.passkey_unknown': {}
      'login.with': { provider: Word }
      'forgot.page': {}
      'forgot.note': {}
      'forgot.mail_off': {}
      'forgot.which': {}
      'forgot.send': {}
      'forgot.asked': {}
      'forgot.asked_note': {}
      'forgot.spam': {}
      'forgot.again': {}
      'forgot.back': {}
      'link.missing': {}
      'link.missing_note': {}
      'link.dead': {}
      'set.page': {}
      'set.missing': {}
      'set.dead_note': {}
      'set.dead': {}
      'set.title': {}
      'set.note': {}
      'set.submit': {}
      'set.again': {}
      'confirm.page': {}
      'confirm.missing': {}
      'confirm.nobody': {}
      'confirm.nobody_note': {}
      'confirm.nobody_do': {}
      'confirm.other': {}
      'confirm.other_note': {}
      'confirm.other_do': {}
      'confirm.dead_note': {}
      'confirm.dead_do': {}
      'confirm.title': {}
      'confirm.note': {}
      'confirm.taken': {}
      'confirm.yes': {}
      'confirm.done': {}
      'confirm.done_note': {}
      'confirm.done_text': {}
      'confirm.to_account': {}
      'second_step.title': {}
      'second_step.note': {}
      'second_step.sign_out': {}
      'first.note': {}
      'password.current': {}
      'password.not_current': {}
      'password.change': {}
      'password.set': {}
      'password.yours': {}
      'password.none': {}
      'password.new': {}
      'password.again': {}
      'password.too_short': { least: Word }
      'password.not_same': {}
      'password.help': { least: Word }
      'password.hide': {}
      'password.show': {}
      'code.label': {}
      'code.recovery': {}
      'code.use_app': {}
      'code.use_recovery': {}
      'passkey.exists': {}
      'passkey.wrong_address': {}
      'passkey.not_possible': {}
      'sso.unknown_account.title': {}
      'sso.unknown_account.text': {}
      'sso.account_suspended.title': {}
      'sso.account_suspended.text': {}
      'sso.email_taken.title': {}
      'sso.email_taken.text': {}
      'sso.email_unverified.title': {}
      'sso.email_unverified.text': {}
      'sso.linked_elsewhere.title': {}
      'sso.linked_elsewhere.text': {}
      'sso.second_factor_needed.title': {}
      'sso.second_factor_needed.text': {}
      'sso.too_many_logins.title': {}
      'sso.too_many_logins.text': {}
      'sso.expired.title': {}
      'sso.expired.text': {}
      'sso.provider_unreachable.title': {}
      'sso.provider_unreachable.text': {}
      'sso.refused.title': {}
      'sso.refused.text': {}
      'sso.no_page': {}
      'passkey.none_address': {}
      'passkey.none_plain': {}
      'passkey.none_browser': {}
    }
  }
}
