// Written by `npm run texts` from ../en/server_new.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    server_new: {
      'ports.range': {}
      'ports.port': {}
      'ports.empty_of': { first: Word; last: Word }
      'ports.empty': {}
      'ports.extra': {}
      'ports.extra_help': {}
      'optional': {}
      'why.away': {}
      'why.quarantined': {}
      'why.revoked': {}
      'why.memory': { lacking: Word }
      'why.disk': { lacking: Word }
      'why.free': { memory: Word }
      'why.most': { why: Word }
      'placement': {}
      'placement.auto': {}
      'placement.choose': {}
      'placement.none': {}
      'placement.connect': {}
      'placement.not': { node: Word }
      'placement.picked': {}
      'after.cpu': {}
      'after.memory': {}
      'after.disk': {}
      'after.cores': { all: Word; part: Word }
      'after': { node: Word }
      'after.note': {}
      'step.done': {}
      'step.wrong': {}
      'needs.name': {}
      'needs.fields': { n: number }
      'needs.node': {}
      'needs.port': {}
      'section.egg': {}
      'section.name': {}
      'section.variables': {}
      'section.limits': {}
      'section.ports': {}
      'sections': {}
      'title': {}
      'note': { egg: Word }
      'change_egg': {}
      'name': {}
      'name.needed': {}
      'name.help': {}
      'name.placeholder': { egg: Word }
      'image': {}
      'startup': {}
      'start': {}
      'missing': { what: Word }
      'create': {}
    }
  }
}
