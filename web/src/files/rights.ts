import type { Server } from '~/api/types'
import { texts } from '~/i18n/texts'

const t = texts('files')

type FileKey = 'create' | 'read' | 'read-content' | 'update' | 'delete' | 'archive'

function may(server: Server, key: FileKey): boolean {
  return server.permissions.includes(`file.${key}`)
}

/** Why nobody can change files at this moment, whoever they are. */
function heldUp(server: Server): string | false {
  if (server.node.state === 'offline') return t('off.away', { node: server.node.name })
  const job = server.operation
  if (server.state === 'installing') return t('off.installing')
  return job && (job.state === 'pending' || job.state === 'running') ? t('off.job') : false
}

/** Why something can't be done to files here, or false where it can. */
export interface Off {
  create: string | false
  read: string | false
  change: string | false
  remove: string | false
  pack: string | false
}

export function filesOff(server: Server): Off {
  const held = heldUp(server)
  const away = server.node.state === 'offline' ? held : false
  return {
    create: may(server, 'create') ? held : t('may_not.create'),
    read: may(server, 'read-content') ? away : t('may_not.read'),
    change: may(server, 'update') ? held : t('may_not.change'),
    remove: may(server, 'delete') ? held : t('may_not.delete'),
    pack: may(server, 'archive') ? held : t('may_not.pack'),
  }
}
