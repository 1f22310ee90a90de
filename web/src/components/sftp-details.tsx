import type { Server } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import SftpFacts from './sftp-facts'

const t = texts('sftp')

/** SFTP among a server's settings. Nothing where the reader may not. */
export default function SftpDetails({ server }: { server: Server }) {
  if (!server.permissions.includes('file.sftp')) return null
  return (
    <Card>
      <CardHead title={t('title')} note={t('note')} />
      <div className="px-4 py-3">
        <SftpFacts server={server.id} />
      </div>
    </Card>
  )
}
