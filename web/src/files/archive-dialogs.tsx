import type { Server } from '~/api/types'
import { ArchiveForm } from '~/forms/archive-create'
import { ExtractForm } from '~/forms/archive-extract'
import { texts } from '~/i18n/texts'
import { Dialog } from '~/ui/dialog'
import { nameOf } from '~/util/path'
import { visible } from '~/util/visible'
import { filesOff } from './rights'

const t = texts('files')

/** How files are packed, and where an archive is unpacked to; one at most is open. */
export function ArchiveDialogs({
  server,
  folder,
  paths,
  asked,
  onClose,
}: {
  server: Server
  folder: string
  paths: string[]
  asked: 'pack' | 'unpack' | undefined
  onClose: () => void
}) {
  const [archive = ''] = paths
  const name = visible(nameOf(archive))
  return (
    <>
      <Dialog open={asked === 'pack'} onClose={onClose} title={t('pack.title', { n: paths.length, name })}>
        {asked === 'pack' && (
          <ArchiveForm server={server.id} folder={folder} paths={paths} onClose={onClose} />
        )}
      </Dialog>
      <Dialog open={asked === 'unpack'} onClose={onClose} title={t('unpack.title', { name })}>
        {asked === 'unpack' && (
          <ExtractForm
            server={server.id}
            archive={archive}
            mayReplace={filesOff(server).change}
            onClose={onClose}
          />
        )}
      </Dialog>
    </>
  )
}
