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
      'pick.none': {}
      'pick.own': {}
      'pick.take': {}
      'servers': { n: number }
      'none': {}
      'none.note': {}
      'import.large': {}
      'import.text_refused': { why: Word }
      'import.text_request': { id: Word }
      'import': {}
      'import.files': {}
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
      'report.result': {}
      'report.unreadable': {}
      'report.updated': {}
      'report.new': {}
      'report.is_refused': {}
      'report.works': {}
      'report.copy': {}
      'variables': {}
      'images': {}
      'title': {}
      'drop': {}
      'drop.note': {}
      'filter': {}
      'filter.none': {}
      'table.name': {}
      'table.author': {}
      'table.servers': {}
      'table.from': {}
      'table.actions': {}
      'table.default': {}
      'table.rules': {}
      'table.users': {}
      'source.starter': {}
      'source.imported': {}
      'new_server': {}
      'export': {}
      'used': { n: number }
      'delete': {}
      'delete.title': { egg: Word }
      'delete.failed': {}
      'delete.note': {}
      'startup': {}
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
      'kind.select': {}
      'kind.bool': {}
      'kind.text': {}
      'kind.number': {}
    }
  }
}
