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
      'upload.failed': { file: Word }
      'upload.large': { most: Word; size: Word }
      'upload.done': { file: Word }
      'upload': {}
      'upload.files': {}
      'selected': { n: number }
      'may_not.change': {}
      'may_not.delete': {}
      'may_not.create': {}
      'rename': {}
      'delete': {}
      'delete.title': { n: number; name: Word }
      'delete.failed': {}
      'delete.folders': {}
      'delete.note': {}
      'filter': {}
      'new_folder': {}
      'new_file': {}
      'none_found': {}
      'empty': {}
      'empty.drop': { most: Word }
      'select_all': {}
      'size': {}
      'changed': {}
      'mode': {}
      'select': { name: Word }
      'more': {}
      'create': {}
      'edit.leave': {}
      'edit.saved': { file: Word }
      'edit.saved_note': {}
      'edit.failed': { file: Word }
      'edit.not_text': {}
      'edit.unchanged': {}
      'edit.dirty': {}
      'edit.save': {}
      'edit.clash': {}
      'edit.theirs': {}
      'edit.mine': {}
      'edit.clash_note': {}
      'edit.not_text_note': {}
      'edit.content': { file: Word }
      'edit.size': { most: Word; n: number; size: Word }
    }
  }
}
