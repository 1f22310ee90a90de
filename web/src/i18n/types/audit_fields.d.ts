// Written by `npm run texts` from ../en/audit_fields.json.
import type { Word } from '../texts'

declare module '../texts' {
  interface Texts {
    audit_fields: {
      'field.action': {}
      'field.actor': {}
      'field.add': {}
      'field.addresses': {}
      'field.admin': {}
      'field.alias': {}
      'field.all_eggs': {}
      'field.all_nodes': {}
      'field.archive': {}
      'field.extract': {}
      'field.existing': {}
      'field.because': {}
      'field.by': {}
      'field.bytes': {}
      'field.cancel': {}
      'field.changed': {}
      'field.cpu_percent': {}
      'field.cpuset': {}
      'field.crash_policy': {}
      'field.credential': {}
      'field.connections_from': {}
      'field.databases': {}
      'field.backups': {}
      'field.backup_bytes': {}
      'field.delete': {}
      'field.deleted': {}
      'field.description': {}
      'field.directory': {}
      'field.disk_bytes': {}
      'field.egg': {}
      'field.engine': {}
      'field.eggs': {}
      'field.email': {}
      'field.email_pending': {}
      'field.expires_at_ms': {}
      'field.expires_in_s': {}
      'field.export': {}
      'field.extra': {}
      'field.force': {}
      'field.free': {}
      'field.from': {}
      'field.generation': {}
      'field.given': {}
      'field.grants': {}
      'field.host': {}
      'field.hostname': {}
      'field.identity': {}
      'field.image': {}
      'field.in_container': {}
      'field.invited': {}
      'field.invited_to': {}
      'field.io_weight': {}
      'field.ip': {}
      'field.keys': {}
      'field.limits': {}
      'field.location': {}
      'field.most_connections': {}
      'field.most_databases': {}
      'field.locations': {}
      'field.memory_bytes': {}
      'field.name': {}
      'field.nest': {}
      'field.newcomer': {}
      'field.node': {}
      'field.nodes': {}
      'field.offer': {}
      'field.offered': {}
      'field.on': {}
      'field.on_node': {}
      'field.operation': {}
      'field.replace': {}
      'field.orphan': {}
      'field.owner': {}
      'field.passkey': {}
      'field.path': {}
      'field.people': {}
      'field.per_minute': {}
      'field.pids': {}
      'field.plan': {}
      'field.player_address': {}
      'field.port': {}
      'field.port_range': {}
      'field.ports': {}
      'field.primary': {}
      'field.provider': {}
      'field.public_address': {}
      'field.public_port': {}
      'field.reach': {}
      'field.read_only': {}
      'field.reason': {}
      'field.rejoined': {}
      'field.remove': {}
      'field.revoked': {}
      'field.role': {}
      'field.run': {}
      'field.second_factor': {}
      'field.self_service': {}
      'field.server': {}
      'field.servers': {}
      'field.source': {}
      'field.standard': {}
      'field.startup': {}
      'field.subusers': {}
      'field.suspended': {}
      'field.swap_bytes': {}
      'field.switched_on': {}
      'field.synced': {}
      'field.taken': {}
      'field.target': {}
      'field.to': {}
      'field.token': {}
      'field.unclaimed': {}
      'field.user': {}
      'field.username': {}
      'field.uses': {}
      'field.variables': {}
      'field.verified': {}
      'field.what': {}
      'field.wipe': {}
      'field.withdraw': {}
      'field.withdrawn': {}
      'field.wrong': {}
      'field.upload_bytes': {}
      'field.seen_as': {}
      'no_limit': {}
      'characters_more': { n: Word; text: Word }
      'yes': {}
      'no': {}
      'field_value': { field: Word; value: Word }
      'never': {}
      'and_more': { n: Word }
      'first_and_more': { first: Word; n: Word }
      'own_numbers': {}
      'typed': { size: Word }
      'jsonl': {}
      'change': { after: Word; before: Word; field: Word }
    }
  }
}
