import { useState } from 'react'
import { asProblem } from '~/api/problem'
import type { FileEntry, Server, TrashItem } from '~/api/types'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { download, downloadArchive } from '~/transfers/download'
import { type Picked, uploads } from '~/transfers/queue'
import { bytesText } from '~/util/format'
import { join, nameOf, steps } from '~/util/path'
import { visible } from '~/util/visible'
import {
  copyInto,
  createFolder,
  moveBack,
  moveInto,
  type Outcome,
  refreshFolders,
  restore,
  trash,
} from './calls'
import { hold, moveRefusal, useClipping } from './clipboard'
import { filesOff } from './rights'

const t = texts('files')
const limit = texts('upload_limit')

/** Of many files that are too large. */
const MOST_TOLD = 3

/** Which of several is at work, for the foot of the list. */
export interface Working {
  what: 'move' | 'copy'
  at: number
  n: number
}

const folderName = (folder: string) => (folder === '/' ? t('path.root') : nameOf(folder))

function tellFailed(what: 'move' | 'copy' | 'undo', { failed: [first, ...others] }: Outcome) {
  if (first) toast.error(t(`${what}.failed`, { n: others.length + 1, name: nameOf(first.path) }), first.error)
}

async function undoMove(server: string, moved: readonly string[], folder: string) {
  tellFailed('undo', await moveBack(server, moved, folder))
}

async function putBack(server: string, lying: TrashItem[], name: string) {
  const results = await Promise.allSettled(lying.map((item) => restore(server, item)))
  const failed = results.filter((result) => result.status === 'rejected')
  if (failed[0]) toast.error(t('undo.failed', { n: failed.length, name }), failed[0].reason)
}

/** What is done to files of a folder, and how it went, in words. */
export function useWork(server: Server, path: string) {
  const [working, setWorking] = useState<Working>()
  const clipping = useClipping(server.id)
  const off = filesOff(server)

  async function move(moved: readonly string[], folder: string) {
    const refusal = moveRefusal(moved, folder)
    if (refusal) {
      toast.show({ kind: 'note', title: t(`move.${refusal}`) })
      return
    }
    const outcome = await moveInto(server.id, moved, folder, (at) =>
      setWorking({ what: 'move', at, n: moved.length }),
    )
    setWorking(undefined)
    tellFailed('move', outcome)
    const { done } = outcome
    if (done.length === 0) return
    toast.show({
      kind: 'done',
      title: t('move.done', { n: done.length, name: nameOf(done[0] ?? ''), folder: folderName(folder) }),
      action: { label: t('undo'), act: () => void undoMove(server.id, done, folder) },
    })
  }

  async function copy(copied: readonly string[], folder: string) {
    if (moveRefusal(copied, folder) === 'inside_itself') {
      toast.show({ kind: 'note', title: t('move.inside_itself') })
      return
    }
    const outcome = await copyInto(
      server.id,
      copied,
      folder,
      (stem, n) => t('copy.name', { stem, n }),
      (at) => setWorking({ what: 'copy', at, n: copied.length }),
    )
    setWorking(undefined)
    tellFailed('copy', outcome)
    const { done, skipped } = outcome
    if (done.length === 0) return
    toast.done(
      t('copy.done', { n: done.length, name: nameOf(done[0] ?? ''), folder: folderName(folder) }),
      skipped > 0 ? t('copy.skipped', { n: skipped }) : undefined,
    )
  }

  async function remove(names: readonly string[]) {
    const name = names[0] ?? ''
    try {
      const lying = await trash(server.id, path, names)
      toast.show({
        kind: 'done',
        title: t('trashed', { n: names.length, name }),
        ...(lying.length > 0 && {
          action: { label: t('undo'), act: () => void putBack(server.id, lying, name) },
        }),
      })
    } catch (error) {
      toast.error(t('delete.failed'), error)
    }
  }

  async function paste() {
    if (!clipping) return
    if (clipping.what === 'copy') return copy(clipping.paths, path)
    hold(undefined)
    await move(clipping.paths, path)
  }

  function upload(picked: readonly Picked[], folder = path) {
    if (off.create !== false) {
      toast.show({ kind: 'note', title: off.create })
      return
    }
    const most = server.upload_bytes ?? Number.POSITIVE_INFINITY
    // Told before the first byte; the node would refuse them.
    for (const { file } of picked.filter((each) => each.file.size > most).slice(0, MOST_TOLD)) {
      const told = { name: visible(file.name), size: bytesText(file.size), most: bytesText(most) }
      toast.show({ kind: 'error', title: limit('too_large', told) })
    }
    const fit = picked.filter((each) => each.file.size <= most)
    if (fit.length > 0) uploads.add(server.id, folder, fit)
  }

  /** Folders that came without a file in them; those that are there already are as good. */
  async function makeFolders(folders: readonly string[]) {
    for (const folder of folders) {
      try {
        await createFolder(server.id, folder)
      } catch (error) {
        if (asProblem(error).code === 'file_exists') continue
        toast.error(t('drop.failed'), error)
        break
      }
    }
    // Those above may be new as well.
    await refreshFolders(server.id, '/', ...folders.flatMap((each) => steps(each).map((step) => step.path)))
  }

  // Several files, or one folder, go as one archive.
  async function fetchAll(entries: readonly FileEntry[]) {
    const names = entries.map((each) => each.name)
    try {
      if (entries.length === 1 && entries[0]?.kind === 'file')
        await download(server.id, join(path, entries[0].name))
      else await downloadArchive(server.id, path, names)
    } catch (error) {
      toast.error(t('download.failed'), error)
    }
  }

  return { working, clipping, off, move, copy, remove, paste, upload, makeFolders, fetchAll }
}

export type Work = ReturnType<typeof useWork>
