import { raw } from '~/api/client'
import { Problem } from '~/api/problem'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { bytesText } from '~/util/format'
import { join } from '~/util/path'
import { refreshFolders } from './calls'

const t = texts('files')

export const UPLOAD_MAX = 1024 * 1024

/** Sends small files one by one; what is there already is not replaced. */
export async function uploadSmall(server: string, folder: string, list: readonly File[]): Promise<void> {
  for (const file of list) {
    if (file.size > UPLOAD_MAX) {
      const sizes = { size: bytesText(file.size), most: bytesText(UPLOAD_MAX, true) }
      toast.error(t('upload.failed', { file: file.name }), new Error(t('upload.large', sizes)))
      continue
    }
    try {
      await raw(`/servers/${server}/files/content?path=${encodeURIComponent(join(folder, file.name))}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream', 'if-none-match': '*' },
        body: file,
      })
      toast.done(t('upload.done', { file: file.name }))
    } catch (error) {
      const there = error instanceof Problem && error.status === 412
      toast.error(t('upload.failed', { file: file.name }), there ? new Error(t('upload.there')) : error)
    }
  }
  await refreshFolders(server, folder)
}
