// Written by `npm run texts` from ../en/state.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    state: {
      'shown.running': {}
      'shown.starting': {}
      'shown.stopping': {}
      'shown.installing': {}
      'shown.transferring': {}
      'shown.restoring': {}
      'shown.deleting': {}
      'shown.stopped': {}
      'shown.new': {}
      'shown.unreachable': {}
      'shown.suspended': {}
      'shown.crashed': {}
      'shown.error': {}
      'tab.running': {}
      'tab.starting': {}
      'tab.stopping': {}
      'tab.installing': {}
      'tab.transferring': {}
      'tab.restoring': {}
      'tab.deleting': {}
      'tab.stopped': {}
      'tab.new': {}
      'tab.unreachable': {}
      'tab.suspended': {}
      'tab.crashed': {}
      'tab.error': {}
      'server_is': { state: string }
      'intent.start': {}
      'intent.restart': {}
      'intent.stop': {}
      'intent.kill': {}
      'off.no_right': {}
      'off.suspended': {}
      'off.installing': {}
      'off.new': {}
      'off.install_failed': {}
      'off.files_in_use': { job: Word }
      'off.stopping': {}
      'off.not_running': {}
      'take_back.online': {}
      'take_back.quarantined': {}
      'node.away': {}
      'node.quarantined': {}
      'node.quarantined_note': {}
      'node.revoked': {}
      'node.needs_look': {}
      'node.healthy': {}
      'power.start': {}
      'power.restart': {}
      'power.stop': {}
      'power.kill': {}
      'power.asked': { action: string; server: Word }
      'power.refused': { action: string; server: Word }
      'power.the_server': {}
      'power.kill_title': { server: Word }
      'power.kill_note': {}
    }
  }
}
