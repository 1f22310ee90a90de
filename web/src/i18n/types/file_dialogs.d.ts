// Written by `npm run texts` from ../en/file_dialogs.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    file_dialogs: {
      'mode.title': { n: number; name: Word }
      'mode.read': {}
      'mode.write': {}
      'mode.run': {}
      'mode.owner': {}
      'mode.group': {}
      'mode.others': {}
      'mode.number': {}
      'mode.bad': {}
      'mode.note': {}
      'mode.verb': {}
      'facts.root': {}
      'facts.path': {}
      'facts.copy_path': {}
      'facts.kind': {}
      'facts.target': {}
      'facts.size': {}
      'facts.bytes': { n: number; size: Word }
      'facts.changed': {}
      'facts.mode': {}
      'facts.kept_back': {}
      'kind.file': {}
      'kind.directory': {}
      'kind.symlink': {}
      'kind.other': {}
      'usage': {}
      'usage.count': {}
      'usage.is': { n: number; size: Word }
      'usage.at_least': { n: number; size: Word }
      'checksum': {}
      'checksum.way': {}
      'checksum.sha256': {}
      'checksum.sha512': {}
      'checksum.sha1': {}
      'checksum.crc32': {}
      'checksum.sum': {}
      'checksum.copy': {}
      'trash': {}
      'trash.back': {}
      'trash.holds': { n: number; size: Word }
      'trash.empty': {}
      'trash.is_empty': {}
      'trash.note': {}
      'trash.facts': { at: Word; folder: Word; until: Word }
      'trash.restore': {}
      'trash.restore_of': { name: Word }
      'trash.gone_of': { name: Word }
      'trash.for_good': {}
      'trash.one_title': { name: Word }
      'trash.all_title': { n: number }
      'trash.sure': {}
      'trash.failed': {}
      'trash.restored': { name: Word }
      'trash.not_restored': { name: Word }
      'search': {}
      'search.all': {}
      'search.below': { folder: Word }
      'search.name': {}
      'search.text': {}
      'search.exact': {}
      'search.regex': {}
      'search.nothing': {}
      'search.found': {}
      'search.none': {}
      'search.none_note': {}
      'search.count': { n: number }
      'search.read': { n: number; size: Word }
      'search.skipped': { n: number }
      'search.cut_matches': {}
      'search.cut_entries': {}
      'search.cut_bytes': {}
      'search.cut_time': {}
      'search.cut_depth': {}
    }
  }
}
