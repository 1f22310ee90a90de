import {
  File,
  FileArchive,
  FileBox,
  FileCode,
  FileCog,
  FileDatabase,
  FileImage,
  FileLock,
  FileMusic,
  FileSymlink,
  FileTerminal,
  FileText,
  Folder,
  type LucideIcon,
} from 'lucide-react'
import type { FileEntry } from '~/api/types'

/** "server.properties" is "properties", ".bashrc" is none. */
export function extension(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : ''
}

const IMAGES: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
}

/** The type under which a picture may be shown. Never what the file claims, and SVG is text here: it can hold scripts. */
export function imageType(name: string): string | undefined {
  return IMAGES[extension(name)]
}

const SIGNS: [type: string, at: number, bytes: number[]][] = [
  ['image/png', 0, [0x89, 0x50, 0x4e, 0x47]],
  ['image/jpeg', 0, [0xff, 0xd8, 0xff]],
  ['image/gif', 0, [0x47, 0x49, 0x46, 0x38]],
  ['image/webp', 8, [0x57, 0x45, 0x42, 0x50]],
]

/** What the bytes begin with: a picture under a wrong name is still a picture, and anything else is none. */
export function pictureIn(bytes: Uint8Array): string | undefined {
  return SIGNS.find(([, at, sign]) => sign.every((byte, n) => bytes[at + n] === byte))?.[0]
}

const ARCHIVES = /\.(zip|7z|tar|tgz|tbz2?|txz|tzst|tar\.(gz|bz2|xz|zst))$/i

/** What can be unpacked. A jar is a zip too, but a program to those who keep it. */
export function isArchive(name: string): boolean {
  return ARCHIVES.test(name)
}

const ICONS: Record<string, LucideIcon> = {
  'png jpg jpeg webp gif svg ico bmp tga': FileImage,
  'ogg mp3 wav flac mid': FileMusic,
  'properties ini cfg conf config yml yaml toml json json5 xml env mcmeta': FileCog,
  'js mjs ts lua java kt py css html htm sql php cs c cpp h rs go gsc nut skript sk': FileCode,
  'sh bash bat cmd ps1': FileTerminal,
  'txt log md lang csv': FileText,
  'db sqlite sqlite3 dat dat_old mca mcr nbt sav save lmdb ldb': FileDatabase,
  'jar so dll exe bin x86_64 pak vpk wad bsp': FileBox,
  'pem key crt lock': FileLock,
}
const BY_ENDING = new Map(
  Object.entries(ICONS).flatMap(([endings, icon]) => endings.split(' ').map((each) => [each, icon] as const)),
)

export function iconOf({ name, kind }: Pick<FileEntry, 'name' | 'kind'>): LucideIcon {
  if (kind === 'directory') return Folder
  if (kind === 'symlink') return FileSymlink
  if (isArchive(name) || /\.(gz|bz2|xz|zst|rar)$/i.test(name)) return FileArchive
  return BY_ENDING.get(extension(name)) ?? File
}

/** "rwxr-x---" of 0750. */
export function modeText(mode: number): string {
  return [6, 3, 0]
    .flatMap((shift) => {
      const bits = (mode >> shift) & 7
      return [bits & 4 ? 'r' : '-', bits & 2 ? 'w' : '-', bits & 1 ? 'x' : '-']
    })
    .join('')
}

export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}

/** "755" and "0755" as a number, nothing of what is no mode. */
export function modeOf(text: string): number | undefined {
  return /^[0-7]{3,4}$/.test(text.trim()) ? Number.parseInt(text.trim(), 8) : undefined
}
