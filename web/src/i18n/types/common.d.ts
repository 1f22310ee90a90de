// Written by `npm run texts` from ../en/common.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    common: {
      'duration.s': { n: Word }
      'duration.min': { n: Word }
      'duration.min_s': { min: Word; s: Word }
      'duration.h': { n: Word }
      'duration.h_min': { h: Word; min: Word }
      'duration.days': { n: number }
      'ago.now': {}
      'ago.s': { n: Word }
      'ago.min': { n: Word }
      'ago.h': { n: Word }
      'ago.h_min': { h: Word; min: Word }
      'ago.days': { n: number }
      'ahead.s': { n: Word }
      'ahead.min': { n: Word }
      'ahead.h': { n: Word }
      'ahead.h_min': { h: Word; min: Word }
      'ahead.days': { n: number }
      'days.from_to': { from: Word; to: Word }
      'days.since': { from: Word }
      'days.until': { to: Word }
      'unit.b': {}
      'unit.kib': {}
      'unit.mib': {}
      'unit.gib': {}
      'unit.tib': {}
      'unit.pib': {}
      'amount.bytes': { unit: Word; value: Word }
      'amount.of': { all: Word; part: Word }
      'amount.rate': { amount: Word }
      'amount.percent': { value: Word }
      'amount.thousands': { n: Word }
      'amount.millions': { n: Word }
      'copy': {}
      'copy.done': {}
      'copy.address': {}
      'copy.id': {}
      'copy.request_id': {}
      'command': {}
      'request': {}
      'close': {}
      'cancel': {}
      'loading': {}
      'retry': {}
      'confirm.type': { name: Tag; typed: Word }
      'confirm.not_typed': {}
      'language': {}
      'problem.no_words': {}
      'problem.no_detail': { status: Word }
      'problem.unreachable': {}
      'problem.unreachable_detail': {}
      'problem.page': {}
      'problem.attempts_in': { when: Word }
      'problem.attempts_later': {}
      'page.none': {}
      'page.none_why': {}
      'page.to_overview': {}
      'page.gone.server': {}
      'page.gone.node': {}
      'page.gone.egg': {}
      'page.gone.person': {}
      'page.gone.role': {}
      'page.gone_why': {}
      'page.all.server': {}
      'page.all.node': {}
      'page.all.egg': {}
      'page.all.person': {}
      'page.all.role': {}
      'language.failed': {}
    }
  }
}
