// Written by `npm run texts` from ../en/server_settings.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    server_settings: {
      'suspend.release_failed': {}
      'suspend.failed': {}
      'suspend': {}
      'suspend.what': {}
      'suspend.release': {}
      'danger': {}
      'reinstall': {}
      'reinstall.what': {}
      'reinstall.running': {}
      'reinstall.may_not': {}
      'reinstall.title': { server: Word }
      'reinstall.failed': {}
      'reinstall.note': {}
      'reinstall.wipe': {}
      'suspended': {}
      'suspended.what': {}
      'leave': {}
      'leave.what': {}
      'leave.title': { server: Word }
      'leave.failed': {}
      'leave.note': {}
      'delete': {}
      'delete.what': {}
      'delete.title': { server: Word }
      'delete.done': { server: Word }
      'delete.failed': {}
      'delete.note': { node: Word }
      'ports.also.node': { address: Word }
      'ports.also.public': { address: Word }
      'ports.also.lan': { address: Word }
      'ports.primary_done': { port: Word }
      'ports.primary_later': {}
      'ports.primary_failed': {}
      'ports.back_failed': { port: Word }
      'ports.back_done': { port: Word }
      'ports.undo': {}
      'ports.regained': { port: Word }
      'ports.gone': { port: Word }
      'ports': {}
      'ports.add': {}
      'ports.none': {}
      'ports.none_note': {}
      'ports.make_primary': {}
      'ports.alias_of': { port: Word }
      'ports.alias': {}
      'ports.back_of': { port: Word }
      'ports.back': {}
      'ports.back_title': { port: Word }
      'ports.back_verb': {}
      'ports.back_note': { node: Word }
      'ports.every': { node: Word }
      'ports.one': { ip: Word; node: Word }
      'ports.primary': {}
      'ports.taken': { by: Word; node: Word }
      'ports.off.back': {}
      'ports.off.primary': {}
      'ports.off.held': {}
      'ports.off.choose': {}
      'ports.off.add': {}
      'ports.off.most': { n: Word }
      'ports.range': { lowest: Word }
      'ports.trouble.taken': { said: Word }
      'ports.trouble.withdrawn': { node: Word; port: string }
      'ports.trouble.not_offered': { ip: string; node: Word; port: string }
      'port_add.title': {}
      'port_add.note': { node: Word }
      'port_add.done': { n: number; ports: Word }
      'port_add.later': {}
      'port_add.between': { most: Word }
      'port_add.needed': {}
      'port_add.which': {}
      'port_add.any': {}
      'port_add.certain': {}
      'port_add.many': {}
      'port_add.many_help': {}
      'port_add.port': {}
      'port_add.ip': {}
      'port_add.ip_help': {}
      'port_add.verb_many': {}
      'optional': {}
      'port_alias.title': { port: Word }
      'port_alias.note': {}
      'port_alias.done': { address: Word }
      'port_alias.done_none': {}
      'port_alias.alias': {}
      'port_alias.help': { node: Word }
      'unchanged': {}
      'save': {}
      'saved': { what: Word }
      'limits': {}
      'limits.may_not': {}
      'limits.restart': {}
      'limits.most': {}
      'limits.most_note': {}
      'limits.span': {}
      'limits.span_note': {}
      'name.may_not': {}
      'name': {}
      'description': {}
      'startup.may_not': {}
      'startup': {}
      'startup.note': {}
      'startup.command': {}
      'image': {}
      'facts': {}
      'facts.id': {}
      'facts.owner': {}
      'facts.egg': {}
      'facts.node': {}
      'facts.generation': {}
      'facts.applied': {}
      'facts.applied_yes': {}
      'facts.applied_not': {}
      'facts.created': {}
    }
  }
}
