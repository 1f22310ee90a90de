// Written by `npm run texts` from ../en/second_factor.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    second_factor: {
      'steps': {}
      'step.password': {}
      'step.app': {}
      'step.codes': {}
      'step.done': {}
      'begin.why': {}
      'begin.go_on': {}
      'app.qr': {}
      'app.scan': {}
      'app.type': {}
      'app.secret': {}
      'app.copy_secret': {}
      'app.code': {}
      'app.six_digits': {}
      'app.turn_on': {}
      'codes.note': {}
      'codes.count': { n: number }
      'codes.download': {}
      'codes.kept': {}
      'codes.not_kept': {}
      'codes.done': {}
      'file.head': { account: Word; day: Word; panel: Word }
      'file.note': {}
    }
  }
}
