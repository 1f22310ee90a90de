// Written by `npm run texts` from ../en/sharing.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    sharing: {
      'title': {}
      'give': {}
      'off.give': {}
      'off.see': {}
      'off.change': {}
      'off.take': {}
      'off.own': {}
      'off.beyond': { rights: Word }
      'none': {}
      'none_note': {}
      'list.name': {}
      'list.may': {}
      'list.until': {}
      'you': {}
      'invited': {}
      'given': { ago: Word }
      'change': {}
      'change_of': { name: Word }
      'remove': {}
      'leave': {}
      'leave_of': { server: Word }
      'leave_title': { server: Word }
      'leave_note': {}
      'not_left': {}
      'take': {}
      'take_of': { name: Word }
      'take_title': { name: Word }
      'take_note': {}
      'not_taken': {}
      'edit.what': { name: Word }
      'edit.give_to': { server: Word }
      'edit.note': {}
      'edit.note_new': {}
      'edit.changed': { name: Word }
      'edit.invited': {}
      'edit.invited_note': { name: Word }
      'edit.given': { name: Word; server: Word }
      'edit.login': {}
      'edit.login_invites': {}
      'edit.login_known': {}
    }
  }
}
