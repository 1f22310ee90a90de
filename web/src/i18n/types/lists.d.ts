// Written by `npm run texts` from ../en/lists.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    lists: {
      'more.shown': { order: Word; shown: Word }
      'more.shown_of': { order: Word; shown: Word; total: Word }
      'more.newest': {}
      'more.show': {}
      'pick.another_than': { name: Word }
      'pick.another': {}
      'pick.more': {}
      'pick_server': {}
      'pick_server.search': {}
      'pick_server.none': {}
      'presets': {}
      'presets.lack_yourself': { rights: Word }
      'presets.lack': { rights: Word }
    }
  }
}
