// Written by `npm run texts` from ../en/file_editor.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    file_editor: {
      'tabs': {}
      'dirty': {}
      'new': {}
      'close_file': { file: Word }
      'close.title': { file: Word }
      'close.note': {}
      'close.verb': {}
      'save': {}
      'save.done': { file: Word }
      'save.done_note': {}
      'save.failed': { file: Word }
      'unchanged': {}
      'not_text': {}
      'read_only': {}
      'find': {}
      'go_to_line': {}
      'wrap': {}
      'to_folder': {}
      'content': { file: Word }
      'place': { column: number; line: number }
      'lines': { n: number }
      'breaks.lf': {}
      'breaks.crlf': {}
      'large': { most: Word }
      'large_note': {}
      'binary': {}
      'binary_note': { size: Word }
      'binary_show': {}
      'picture.broken': {}
      'picture.size': { height: number; width: number }
      'clash.title': {}
      'clash.note': {}
      'clash.gone': {}
      'clash.gone_note': {}
      'clash.compare': {}
      'clash.theirs': {}
      'clash.take_gone': {}
      'clash.mine': {}
      'merge.title': { file: Word }
      'merge.note': {}
      'merge.note_narrow': {}
      'merge.theirs': {}
      'merge.mine': {}
      'merge.back': {}
      'merge.save': {}
      'merge.take': {}
      'merge.leave': {}
      'merge.take_theirs': {}
      'merge.unchanged': { n: Word }
      'code.find': {}
      'code.replace_with': {}
      'code.next': {}
      'code.previous': {}
      'code.all': {}
      'code.match_case': {}
      'code.regexp': {}
      'code.by_word': {}
      'code.replace': {}
      'code.replace_all': {}
      'code.close': {}
      'code.go_to_line': {}
      'code.go': {}
      'code.current_match': {}
      'code.replaced': { n: Word }
      'code.replaced_on': { n: Word }
      'code.on_line': {}
      'code.to': {}
      'code.fold': {}
      'code.unfold': {}
      'code.folded': {}
      'code.deleted': {}
      'code.control': {}
      'breaks.lf_short': {}
      'breaks.crlf_short': {}
      'download': {}
      'download_failed': { file: Word }
    }
  }
}
