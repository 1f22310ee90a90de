import { Suspense } from 'react'
import type { FileEntry, Server } from '~/api/types'
import { ModeDialog } from '~/forms/file-mode'
import { MoveDialog } from '~/forms/file-move'
import { NameDialog } from '~/forms/name'
import { part } from '~/i18n/page'
import { texts } from '~/i18n/texts'
import { join } from '~/util/path'
import type { Asked } from './actions'
import { ArchiveDialogs } from './archive-dialogs'
import { createFile, createFolder, setMode } from './calls'
import { Properties } from './properties'
import { filesOff } from './rights'
import type { Work } from './use-work'

const t = texts('files')

const FetchDialog = part(() => import('~/forms/file-fetch'))

/** The dialogs of a folder, of which one at most is open. */
export function FolderDialogs({
  server,
  path,
  selected,
  paths,
  asked,
  work,
  onClose,
  onMade,
  onEdit,
}: {
  server: Server
  path: string
  selected: readonly FileEntry[]
  paths: string[]
  asked: Asked | undefined
  work: Work
  onClose: () => void
  /** A folder of that name. */
  onMade: (name: string) => void
  onEdit: (file: string) => Promise<void>
}) {
  return (
    <>
      <MoveDialog
        open={asked === 'move' || asked === 'copy'}
        server={server.id}
        paths={paths}
        what={asked === 'copy' ? 'copy' : 'move'}
        onClose={onClose}
        onMove={(folder) => (asked === 'copy' ? work.copy(paths, folder) : work.move(paths, folder))}
      />
      <ModeDialog
        open={asked === 'mode'}
        paths={paths}
        mode={selected[0]?.mode ?? 0o644}
        onClose={onClose}
        onMode={(mode) => setMode(server.id, path, paths, mode)}
      />
      <Properties
        server={server}
        path={asked === 'properties' ? (paths[0] ?? path) : undefined}
        onClose={onClose}
      />
      <ArchiveDialogs
        server={server}
        folder={path}
        paths={paths}
        asked={asked === 'pack' || asked === 'unpack' ? asked : undefined}
        onClose={onClose}
      />
      {asked === 'fetch' && (
        <Suspense>
          <FetchDialog
            server={server.id}
            folder={path}
            mayReplace={filesOff(server).change}
            onClose={onClose}
          />
        </Suspense>
      )}
      <NameDialog
        open={asked === 'folder' || asked === 'file'}
        title={t(asked === 'folder' ? 'new_folder' : 'new_file')}
        verb={t('create')}
        initial=""
        onClose={onClose}
        onName={async (name) => {
          if (asked === 'folder') {
            await createFolder(server.id, join(path, name))
            onMade(name)
            return
          }
          await createFile(server.id, join(path, name))
          await onEdit(join(path, name))
        }}
      />
    </>
  )
}
