// Written by `npm run texts` from ../en/charts.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    charts: {
      'as_table_of': { chart: Word }
      'as_table': {}
      'no_data': {}
      'of': { limit: Word }
      'samples_note': { n: Word }
      'samples': {}
      'time': {}
      'ago.1h': {}
      'ago.24h': {}
      'ago.7d': {}
      'ago.5min': {}
      'now': {}
      'range.live': {}
      'range.1h': {}
      'range.24h': {}
      'range.7d': {}
      'range': {}
      'cpu': {}
      'memory': {}
      'network': {}
      'network_out': {}
      'out': {}
      'in': {}
      'disk': {}
      'title': {}
      'mark.oom': {}
      'mark.ended': { code: Word }
      'mark.stopped': {}
      'mark.restarted': {}
      'mark.started': {}
    }
  }
}
