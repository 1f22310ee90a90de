// Written by `npm run texts` from ../en/server_fields.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    server_fields: {
      'limits.mib': {}
      'limits.memory': {}
      'limits.memory_none': {}
      'limits.disk': {}
      'limits.none': {}
      'limits.cpu': {}
      'limits.cpu_note': {}
      'limits.cores': { cores: Word; n: number }
      'limits.swap': {}
      'limits.swap_none': {}
      'variable.locked': {}
      'variable.none': {}
      'optional': {}
      'rule.range': { max: Word; min: Word }
      'rule.min': { min: Word }
      'rule.max': { max: Word }
      'rule.length': { n: Word }
      'rule.form': {}
      'wrong.needed': {}
      'wrong.number': {}
      'wrong.min': { min: Word }
      'wrong.max': { max: Word }
      'wrong.length': { max: Word; n: Word }
      'wrong.list': {}
      'preview': {}
      'preview.note': {}
      'preview.copy': {}
    }
  }
}
