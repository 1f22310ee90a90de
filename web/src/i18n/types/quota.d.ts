// Written by `npm run texts` from ../en/quota.json.
import type { Tag, Word } from '../texts'

declare module '../texts' {
  interface Texts {
    quota: {
      'kind.servers': {}
      'kind.memory_bytes': {}
      'kind.disk_bytes': {}
      'kind.cpu_percent': {}
      'kind.ports': {}
      'kind.subusers': {}
      'kind.databases': {}
      'kind.backups': {}
      'kind.backup_bytes': {}
      'bound.servers': { n: number }
      'bound.memory_bytes': { size: Word }
      'bound.disk_bytes': { size: Word }
      'bound.ports': { n: number }
      'bound.subusers': { n: number }
      'bound.databases': { n: number }
      'bound.backups': { n: number }
      'bound.backup_bytes': { size: Word }
      'free.servers': {}
      'free.memory_bytes': {}
      'free.disk_bytes': {}
      'free.cpu_percent': {}
      'free.ports': {}
      'free.subusers': {}
      'free.databases': {}
      'free.backups': {}
      'free.backup_bytes': {}
      'core': { n: Word }
      'cores': { n: Word }
      'of_cores': { have: Word; most: Word }
      'no_limit': {}
      'no_limit_of': { most: Word }
      'bound_and_free': { bound: Word; free: Word }
      'row': { label: Word; text: Word }
      'over': {}
      'own.title': {}
      'own.plan': { plan: Word }
      'own.note': {}
      'own.no_limit': {}
      'person.title': {}
      'person.own': {}
      'person.off': {}
      'person.admins': {}
      'person.change': {}
      'person.set': {}
      'person.what': { name: Word }
      'person.done': { name: Word }
      'by': {}
      'by.standard': {}
      'by.no_limit': {}
      'by.plan': {}
      'by.own': {}
      'by_note.standard': {}
      'by_note.plan': {}
      'by_note.own': {}
      'off.plan': {}
      'off.number': {}
      'own_no_number': {}
      'standard.none': {}
      'standard.maybe': {}
      'plan.label': {}
      'plan.standard': { name: Word }
      'plan.off': {}
      'plan.none': { link: Tag }
    }
  }
}
