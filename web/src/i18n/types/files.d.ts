// Written by `npm run texts` from ../en/files.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    files: {
      'name': {}
      'bad_name.none': {}
      'bad_name.place': {}
      'bad_name.slash': {}
      'bad_name.long': {}
      'folder': {}
      'upload': {}
      'upload.files': {}
      'selected': { n: number }
      'may_not.change': {}
      'may_not.delete': {}
      'may_not.create': {}
      'rename': {}
      'delete': {}
      'delete.failed': {}
      'filter': {}
      'filter.short': {}
      'new_folder': {}
      'new_file': {}
      'none_found': {}
      'empty': {}
      'empty.drop': {}
      'select_all': {}
      'size': {}
      'changed': {}
      'mode': {}
      'select': { name: Word }
      'create': {}
      'off.away': { node: Word }
      'off.installing': {}
      'off.job': {}
      'off.none': {}
      'off.one': {}
      'off.nothing_cut': {}
      'may_not.read': {}
      'may_not.pack': {}
      'path.type': {}
      'path.root': {}
      'path.bad': {}
      'list': {}
      'actions': {}
      'actions_of': { name: Word }
      'open': {}
      'cut': {}
      'paste': {}
      'move': {}
      'copy_path': { n: number }
      'copied_path': {}
      'refresh': {}
      'new': {}
      'clear': {}
      'more_actions': {}
      'bar': {}
      'undo': {}
      'undo.failed': { n: number; name: Word }
      'key.ctrl': {}
      'key.enter': {}
      'key.delete': {}
      'rename.to': { name: Word }
      'rename.failed': { name: Word }
      'move.title': { n: number; name: Word }
      'move.tree': {}
      'move.path': {}
      'move.verb': {}
      'move.inside_itself': {}
      'move.already_there': {}
      'move.done': { folder: Word; n: number; name: Word }
      'move.failed': { n: number; name: Word }
      'clip.held': { n: number }
      'count': { n: number }
      'count.of': { all: number; n: number }
      'count.more': {}
      'drop.here': { folder: Word }
      'filter.clear': {}
      'none_found.note': {}
      'empty.root': {}
      'empty.root_note': {}
      'gone': { folder: Word }
      'gone.note': {}
      'gone.root': {}
      'away': { node: Word }
      'away.note': {}
      'away.retry': {}
      'unsaved.title': { n: number }
      'unsaved.note': {}
      'unsaved.discard': {}
      'unsaved.stay': {}
      'copy': {}
      'duplicate': {}
      'copy_to': {}
      'copy.title': { n: number; name: Word }
      'copy.verb': {}
      'copy.name': { n: number; stem: Word }
      'copy.done': { folder: Word; n: number; name: Word }
      'copy.failed': { n: number; name: Word }
      'copy.skipped': { n: number }
      'clip.held_copy': { n: number }
      'off.kept_back': {}
      'properties': {}
      'set_mode': {}
      'working.move': { at: number; n: number }
      'working.copy': { at: number; n: number }
      'count.truncated': { n: number }
      'trash': {}
      'search_all': {}
      'elsewhere': {}
      'sftp': {}
      'trashed': { n: number; name: Word }
      'upload.folder': {}
      'fetch': {}
      'download': {}
      'download.failed': {}
      'drop.failed': {}
      'pack': {}
      'pack.title': { n: number; name: Word }
      'unpack': {}
      'unpack.failed': {}
      'unpack_to': {}
      'unpack.title': { name: Word }
      'off.no_archive': {}
    }
  }
}
