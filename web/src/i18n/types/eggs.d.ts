// Written by `npm run texts` from ../en/eggs.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    eggs: {
      'starters.start': {}
      'starters.title': {}
      'starters.note': {}
      'starters.ready': { egg: Word }
      'starters.failed': {}
      'pick.title': {}
      'pick.note': {}
      'pick.filter': {}
      'servers': { n: number }
      'pick.none': {}
      'none': {}
      'pick.own': {}
      'pick.take': {}
      'import.large': {}
      'import.text_refused': { why: Word }
      'import.text_request': { id: Word }
      'report.filter.fine': {}
      'report.filter.odd': {}
      'report.filter.refused': {}
      'report.taken': { n: number }
      'report.odd': { n: number }
      'report.refused': { n: number }
      'report.waiting': { n: number }
      'report.title': {}
      'report.summary': { n: number; outcomes: Word }
      'report.more': {}
      'report.files': {}
      'report.file': {}
      'report.egg': {}
      'report.format': {}
      'variables': {}
      'images': {}
      'report.result': {}
      'report.unreadable': {}
      'report.updated': {}
      'report.new': {}
      'report.is_refused': {}
      'report.works': {}
      'report.copy': {}
      'title': {}
      'drop': {}
      'drop.note': {}
      'import': {}
      'import.files': {}
      'none.note': {}
      'filter': {}
      'table.name': {}
      'table.author': {}
      'table.servers': {}
      'table.from': {}
      'table.actions': {}
      'source.starter': {}
      'source.imported': {}
      'new_server': {}
      'filter.none': {}
      'export': {}
      'used': { n: number }
      'delete': {}
      'startup': {}
      'table.default': {}
      'table.rules': {}
      'table.users': {}
      'empty': {}
      'users.change': {}
      'users.see': {}
      'users.not': {}
      'script': {}
      'nothing': {}
      'facts': {}
      'facts.stop': {}
      'facts.entrypoint': {}
      'facts.added': {}
      'done': {}
      'done.none': {}
      'writes': {}
      'delete.title': { egg: Word }
      'delete.failed': {}
      'delete.note': {}
    }
  }
}
