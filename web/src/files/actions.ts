import {
  Archive,
  ClipboardPaste,
  CloudDownload,
  Copy,
  CopyPlus,
  Download,
  FilePlus2,
  FolderInput,
  FolderOpen,
  FolderOutput,
  FolderPlus,
  FolderUp,
  Info,
  type LucideIcon,
  PackageOpen,
  Pencil,
  RefreshCw,
  Scissors,
  Shield,
  Trash2,
  Upload,
} from 'lucide-react'
import type { FileEntry, Server } from '~/api/types'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import type { Entry } from '~/ui/context-menu'
import { copyText } from '~/ui/copy'
import { join } from '~/util/path'
import { unpack } from './archive-calls'
import { refreshFolders } from './calls'
import { hold } from './clipboard'
import { isArchive } from './kinds'
import type { Work } from './use-work'

const t = texts('files')

/** The dialogs of a folder. */
export type Asked = 'folder' | 'file' | 'move' | 'copy' | 'mode' | 'properties' | 'pack' | 'unpack' | 'fetch'

interface About {
  server: Server
  path: string
  selected: readonly FileEntry[]
  /** Of what is selected. */
  paths: readonly string[]
  work: Work
  onOpen: (entry: FileEntry) => void
  onRename: (name: string) => void
  onAsk: (asked: Asked) => void
  onUpload: (what: 'files' | 'folder') => void
}

function entry(
  id: string,
  icon: LucideIcon,
  word: string,
  run: () => void,
  off: string | false = false,
  keys: string[] = [],
  danger = false,
): Entry {
  return { id, icon, word, run, off, keys, danger }
}

/** Everything that can be done in a folder, once: menus, bars, sheet and keys all take it from here. */
export function actions({ server, path, selected, paths, work, onOpen, onRename, onAsk, onUpload }: About) {
  const { off, clipping } = work
  const single = selected.length === 1 ? selected[0] : undefined
  const none = selected.length === 0 && t('off.none')
  const many = selected.length > 1 && t('off.one')
  const packed = single?.kind === 'file' && isArchive(single.name) ? single : undefined
  const held = selected.some((each) => each.kept_back) && t('off.kept_back')
  const ctrl = t('key.ctrl')
  // The foot of the list says what is held.
  const clip = (what: 'cut' | 'copy') => () => hold({ server: server.id, what, paths: [...paths] })
  return {
    open: entry('open', FolderOpen, t('open'), () => single && onOpen(single), none || many, [
      t('key.enter'),
    ]),
    rename: entry(
      'rename',
      Pencil,
      t('rename'),
      () => single && onRename(single.name),
      none || many || off.change,
      ['F2'],
    ),
    cut: entry('cut', Scissors, t('cut'), clip('cut'), none || held || off.change, [ctrl, 'X']),
    copy: entry('copy', Copy, t('copy'), clip('copy'), none || off.create, [ctrl, 'C']),
    duplicate: entry(
      'duplicate',
      CopyPlus,
      t('duplicate'),
      () => void work.copy(paths, path),
      none || off.create,
    ),
    copyTo: entry('copy_to', FolderOutput, t('copy_to'), () => onAsk('copy'), none || off.create),
    mode: entry('mode', Shield, t('set_mode'), () => onAsk('mode'), none || held || off.change),
    properties: entry(
      'properties',
      Info,
      t('properties'),
      () => onAsk('properties'),
      selected.length > 1 ? t('off.one') : false,
      [ctrl, 'I'],
    ),
    paste: entry(
      'paste',
      ClipboardPaste,
      t('paste'),
      () => void work.paste(),
      clipping ? (clipping.what === 'cut' ? off.change : off.create) : t('off.nothing_cut'),
      [ctrl, 'V'],
    ),
    move: entry('move', FolderInput, t('move'), () => onAsk('move'), none || held || off.change),
    path: entry(
      'path',
      Copy,
      t('copy_path', { n: selected.length }),
      () => void copyText(paths.join('\n')).then((done) => done && toast.done(t('copied_path'))),
      none,
    ),
    delete: entry(
      'delete',
      Trash2,
      t('delete'),
      () => void work.remove(selected.map((each) => each.name)),
      none || off.remove,
      [t('key.delete')],
      true,
    ),
    file: entry('file', FilePlus2, t('new_file'), () => onAsk('file'), off.change),
    folder: entry('folder', FolderPlus, t('new_folder'), () => onAsk('folder'), off.create),
    upload: entry('upload', Upload, t('upload.files'), () => onUpload('files'), off.create),
    uploadFolder: entry('upload_folder', FolderUp, t('upload.folder'), () => onUpload('folder'), off.create),
    fetch: entry('fetch', CloudDownload, t('fetch'), () => onAsk('fetch'), off.create),
    download: entry(
      'download',
      Download,
      t('download'),
      () => void work.fetchAll(selected),
      none || off.read,
    ),
    pack: entry('pack', Archive, t('pack'), () => onAsk('pack'), none || off.pack),
    unpack: entry(
      'unpack',
      PackageOpen,
      t('unpack'),
      () =>
        packed &&
        void unpack(server.id, join(path, packed.name), path, 'refuse').catch((error) =>
          toast.error(t('unpack.failed'), error),
        ),
      packed ? off.pack : t('off.no_archive'),
    ),
    unpackTo: entry(
      'unpack_to',
      PackageOpen,
      t('unpack_to'),
      () => onAsk('unpack'),
      packed ? off.pack : t('off.no_archive'),
    ),
    refresh: entry('refresh', RefreshCw, t('refresh'), () => void refreshFolders(server.id, path)),
  }
}

export type Actions = ReturnType<typeof actions>

/** The menu of the right button and the sheet: about what is selected, or about the folder. */
export function menuGroups(acts: Actions, selected: boolean, archive = false): Entry[][] {
  if (!selected)
    return [
      [acts.file, acts.folder, acts.upload, acts.uploadFolder, acts.fetch],
      [acts.paste, acts.refresh, acts.properties],
    ]
  return [
    [acts.open, acts.download, acts.rename, acts.duplicate],
    [acts.cut, acts.copy, acts.paste],
    [acts.move, acts.copyTo],
    archive ? [acts.unpack, acts.unpackTo, acts.pack] : [acts.pack],
    [acts.path, acts.mode, acts.properties],
    [acts.delete],
  ]
}
