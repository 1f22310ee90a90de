import { type DragEvent, useState } from 'react'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { type Dragged, dragUrl, readyToDrag } from '~/transfers/download'
import { dropped } from '~/transfers/pick'
import { join } from '~/util/path'
import type { Work } from './use-work'

const t = texts('files')

/** What a drag within the panel carries. */
const DRAGGED = 'application/x-warren-files'

/** Another program may drop anything under our name. */
function dragged(text: string): { server: string; paths: string[] } | undefined {
  try {
    const { server, paths } = JSON.parse(text) as { server?: unknown; paths?: unknown }
    const list = Array.isArray(paths) ? paths.filter((each) => typeof each === 'string') : []
    return typeof server === 'string' ? { server, paths: list } : undefined
  } catch {
    return undefined
  }
}

/** Files dragged from folder to folder, and those that come from the desk. */
export function useDrag(server: string, path: string, paths: readonly string[], work: Work) {
  const [dropping, setDropping] = useState(false)
  const takes = (event: DragEvent, folder: string) => {
    const { types } = event.dataTransfer
    if (types.includes('Files')) return work.off.create === false
    if (!types.includes(DRAGGED) || work.off.change !== false) return false
    event.dataTransfer.dropEffect = 'move'
    // What it carries is told only when it is dropped; what is dragged here is what is selected.
    return !paths.includes(folder)
  }
  function drop(event: DragEvent, folder: string) {
    event.preventDefault()
    setDropping(false)
    const { dataTransfer } = event
    if (dataTransfer.types.includes('Files')) {
      void dropped(dataTransfer).then(
        ({ files, empty }) => {
          work.upload(files, folder)
          if (empty.length > 0) void work.makeFolders(empty.map((each) => join(folder, each)))
        },
        (error) => toast.error(t('drop.failed'), error),
      )
      return
    }
    const carried = dragged(dataTransfer.getData(DRAGGED))
    if (carried?.server === server) void work.move(carried.paths, folder)
  }
  return {
    /** Something hangs above the page that could be dropped into the folder. */
    dropping,
    takes,
    drop,
    /** A hand is on a row: a drag may follow. */
    ready: () => work.off.read === false && readyToDrag(server),
    begin(event: DragEvent, list: readonly Dragged[]) {
      const { dataTransfer } = event
      const paths = list.map((each) => each.path)
      // To the desk it is a copy.
      dataTransfer.effectAllowed = 'copyMove'
      dataTransfer.setData(DRAGGED, JSON.stringify({ server, paths }))
      const url = work.off.read === false ? dragUrl(server, list) : undefined
      if (url) dataTransfer.setData('DownloadURL', url)
      dataTransfer.setData('text/plain', paths.join('\n'))
    },
    /** For the page around the list. */
    around: {
      onDragOver(event: DragEvent) {
        if (!event.dataTransfer.types.includes('Files') || !takes(event, path)) return
        event.preventDefault()
        setDropping(true)
      },
      onDragLeave(event: DragEvent) {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropping(false)
      },
      onDrop: (event: DragEvent) => takes(event, path) && drop(event, path),
    },
  }
}
